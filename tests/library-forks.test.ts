/**
 * Goal: forks of a running sandbox, and what goes on from what was saved of one, as a user of the package has them.
 * Method: programs in an empty project.
 */
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { installLibrary, programPrints } from "./support/library-project.ts";

let folder = "";
let project = "";

before(async () => {
  ({ folder, project } = await installLibrary());
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("forks of a sandbox go on with its files and programs, apart from it and from one another", () =>
  programPrints(
    project,
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE, memoryBytes: 256 << 20 });
    await box.run("echo 0123456789abcdef0123456789abcdef > /etc/machine-id; mkfifo /run/ask /run/answer");
    await box.run(\`setsid sh -c 'n=40; while read x < /run/ask; do n=$((n+1)); echo $n > /run/answer; done' &\`);
    const said = [];
    const ask = async (of) => (await of.run("echo > /run/ask; cat /run/answer")).stdout.trim();
    const names = async (of) => (await of.run("cat /etc/machine-id /proc/sys/kernel/random/boot_id")).stdout;
    const name = await names(box);
    const [one, two] = await box.fork({ count: 2 });
    said.push(await ask(one), await ask(one), await ask(two));
    const [same] = await one.fork({ identity: "same" });
    said.push((await names(same)) === (await names(one)), new Set([name, await names(one), await names(two)]).size);
    said.push(await ask(box));
    await Promise.all([box, one].map((each) => each.close()));
    said.push(await ask(two), await ask(same));
    const refused = (work) => work.then(() => "done", ({ kind, data }) => [kind, data.option ?? data.reason]);
    said.push(await refused(two.fork({ count: 0 })), await refused(two.fork({ identity: "other" })));
    const bound = await Sandbox.create({ image: process.env.IMAGE, mounts: [{ host: ".", guest: "/mnt" }] });
    said.push(await refused(bound.fork()));
    for (const each of [two, same, bound]) await each.close();
    console.log(JSON.stringify(said));`,
    ["41", "42", "41", true, 3, "41", "42", "43", ["option", "count"], ["option", "identity"], ["state", "unsavable"]],
  ));

test("a fork's caller goes on with the programs that the original's caller has spawned", () =>
  programPrints(
    project,
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE, memoryBytes: 256 << 20 });
    const said = [];
    const lines = async function* (stream) {
      let text = "";
      for await (const bytes of stream)
        for (text += new TextDecoder().decode(bytes); text.includes("\\n"); text = text.slice(text.indexOf("\\n") + 1))
          yield text.slice(0, text.indexOf("\\n"));
    };
    const talk = (program) => {
      const answers = lines(program.stdout);
      return async (words) => {
        await program.stdin.write(words + "\\n");
        return (await answers.next()).value;
      };
    };
    const adder = await box.spawn("n=0; while read x; do n=$((n+x)); echo $n; done; exit 3");
    const inTerminal = await box.spawn(["cat"], { tty: { columns: 80, rows: 24 } });
    const ask = talk(adder);
    said.push(await ask("5"));
    const [one, two] = await box.fork({ count: 2, keepsPrograms: true });
    const [deaf] = await box.fork();
    const mine = one.attach(adder.pid);
    said.push(one.attach(adder.pid) === mine);
    const [askOne, askTwo] = [talk(mine), talk(two.attach(adder.pid))];
    said.push(await askOne("10"), await askTwo("100"), await ask("1"), await askOne("1"));
    mine.stdin.end();
    said.push((await mine.wait()).exitCode);
    // A fork of a fork: one program that somebody listens to there, and one that nobody did.
    const [third] = await two.fork({ keepsPrograms: true });
    await two.close();
    said.push(await talk(third.attach(adder.pid))("1000"));
    const typed = third.attach(inTerminal.pid);
    typed.resize({ columns: 40, rows: 10 });
    said.push((await talk(typed)("echoed")).trim());
    const refused = (work) => { try { work(); } catch ({ kind }) { return kind; } };
    said.push(refused(() => deaf.attach(adder.pid)), refused(() => third.attach(4711)));
    // What was saved keeps them, too, where that is wanted.
    const state = await box.save();
    const loaded = await Sandbox.create({ image: process.env.IMAGE, state, keepsPrograms: true });
    const again = loaded.attach(adder.pid);
    said.push(await talk(again)("10000"), await ask("2"));
    again.stdin.end();
    said.push((await again.wait()).exitCode);
    said.push(await loaded.attach(4711).wait().catch(({ kind }) => kind));
    for (const each of [box, one, deaf, third, loaded]) await each.close();
    console.log(JSON.stringify(said));`,
    ["5", true, "15", "105", "6", "16", 3, "1105", "echoed", "program", "program", "10006", "8", 3, "option"],
  ));

extendedTest("a fork, and a sandbox that shares its board, are saved, and go back to what they were", () =>
  programPrints(
    project,
    `import { Board, Sandbox } from "stratos";
    const image = process.env.IMAGE;
    const said = [];
    const has = async (box) => (await box.run("cat /root/state; cat /run/count")).stdout.trim().split("\\n").join(" ");
    const begin = (box) => box.run("echo new > /root/state; mkfifo /run/tick; echo 0 > /run/count;" +
      "setsid sh -c 'n=0; while read x < /run/tick; do n=$((n+1)); echo $n > /run/count; : > /run/done; done' &");
    const tick = (box) => box.run("rm -f /run/done; echo > /run/tick; while [ ! -e /run/done ]; do sleep 0.01; done");
    const box = await Sandbox.create({ image, memoryBytes: 256 << 20 });
    await begin(box);
    await tick(box);
    const [fork, other] = await box.fork({ count: 2 });
    await tick(fork);
    await fork.run("echo forked > /root/state");
    await fork.snapshot("there");
    const state = await fork.save();
    await tick(fork);
    await fork.run("rm /root/state");
    await fork.rollback("there");
    await box.close();
    const loaded = await Sandbox.create({ image, state });
    await tick(loaded);
    said.push(await has(fork), await has(loaded), await has(other));
    for (const each of [fork, other, loaded]) await each.close();
    const board = await Board.create({ memoryBytes: 512 << 20 });
    const [left, right] = await Promise.all([1, 2].map(() => Sandbox.create({ image, board, memoryBytes: 256 << 20 })));
    for (const each of [left, right]) await begin(each);
    await left.snapshot("begun");
    await tick(left);
    const moved = await Sandbox.create({ image, state: await left.save() });
    await left.rollback("begun");
    await tick(moved);
    said.push(await has(left), await has(moved), await has(right));
    await board.close();
    said.push((await moved.run("true")).exitCode);
    await moved.close();
    console.log(JSON.stringify(said));`,
    ["forked 2", "forked 3", "new 1", "new 0", "new 2", "new 0", 0],
  ),
);

/** Counts who asks it by HTTP, in a file and in its own memory, over a connection that stays open within. */
const COUNTER = `
import http.server, socket, threading
def count(listener):
    connection, _ = listener.accept()
    n = 0
    while connection.recv(1):
        n += 1
        connection.sendall(b"%d" % n)
listener = socket.create_server(("127.0.0.1", 700))
threading.Thread(target=count, args=(listener,), daemon=True).start()
connection = socket.create_connection(("127.0.0.1", 700))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        connection.sendall(b"x")
        n = connection.recv(100)
        with open("/srv/count", "a") as file: file.write("%d\\n" % int(n))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(n)
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
`;

extendedTest("a server, a connection, a file and a counter go on through ten states, and in a fork of each", () =>
  programPrints(
    project,
    `import { Sandbox } from "stratos";
    const image = process.env.IMAGE;
    const ask = async (of) => (await (await of.fetch(8000, "/")).text()) + " " +
      (await of.run("wc -l < /srv/count; tail -n 1 /srv/count")).stdout.trim().split("\\n").join(" ");
    let box = await Sandbox.create({ image, memoryBytes: 256 << 20 });
    const isUp = new Promise((resolve) => box.on("port", ({ port }) => port === 8000 && resolve()));
    await box.fs.write("/srv/counter.py", process.env.COUNTER);
    await box.spawn("exec python3 /srv/counter.py");
    await isUp;
    const said = [];
    for (let time = 1; time <= 10; time++) {
      const state = await box.save();
      await box.close();
      box = await Sandbox.create({ image, memoryBytes: 256 << 20, state });
      const [fork] = await box.fork();
      const forked = await ask(fork);
      // Of the last one, too: what is saved of a fork of one that was resumed.
      const again = await Sandbox.create({ image, memoryBytes: 256 << 20, state: await fork.save() });
      said.push([forked, await ask(box), await ask(again)]);
      for (const each of [fork, again]) await each.close();
    }
    await box.close();
    console.log(JSON.stringify(said));`,
    Array.from({ length: 10 }, (_, index) => {
      const seen = (count: number): string => `${count} ${count} ${count}`;
      return [seen(index + 1), seen(index + 1), seen(index + 2)];
    }),
    { COUNTER },
  ),
);
