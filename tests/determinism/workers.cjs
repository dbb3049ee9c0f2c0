// A server whose answers come from threads, and are full of chance and time.
const http = require("node:http");
const { randomUUID } = require("node:crypto");
const { Worker } = require("node:worker_threads");

const WORK = 'require("node:worker_threads").parentPort.postMessage(require("node:crypto").randomInt(1e9))';

const server = http.createServer((request, response) => {
  new Worker(WORK, { eval: true }).once("message", (chance) => {
    response.end(`${[request.url, chance, randomUUID(), Date.now(), Math.random()].join(" ")}\n`);
  });
});
server.listen(0, "127.0.0.1", async () => {
  const began = performance.now();
  const ask = async (path) => {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`);
    process.stdout.write(await answer.text());
  };
  await Promise.all(["/a", "/b", "/c"].map(ask));
  console.log(performance.now() - began, process.memoryUsage().rss);
  process.exit(7);
});
