/** Goal: forks of a running sandbox, as a user of the package has them. Method: programs in an empty project. */
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
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
