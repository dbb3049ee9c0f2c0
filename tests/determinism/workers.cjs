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
  // Not fetch: to begin with, that compiles a parser of its own, which is a fifth of the whole program.
  const ask = (path) =>
    new Promise((resolve) => {
      const { port } = server.address();
      http.get({ port, path }, (answer) => answer.on("data", (text) => process.stdout.write(text)).on("end", resolve));
    });
  await Promise.all(["/a", "/b"].map(ask));
  console.log(performance.now() - began, process.memoryUsage().rss);
  process.exit(7);
});
