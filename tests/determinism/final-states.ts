/** Runs programs in several ways, and says where what they leave behind differs. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { Sandbox as SandboxClass, SandboxOptions } from "@stratos/sdk/public";
import { servePage } from "../../examples/tab/serve.ts";
import { Browser, type Page } from "../support/browser.ts";
import { installLibrary } from "../support/library-project.ts";
import { endSupervisor } from "../support/supervisor.ts";
import { TEST_HOME, TEST_IMAGE } from "../support/test-image.ts";
import { EmulatedNode } from "./emulated-node.ts";
import {
  type FinalProgram,
  type FinalState,
  finalState,
  goOn,
  partsOfMachine,
  type SavedState,
} from "./final-state.ts";
import { stateDifferences } from "./state-differences.ts";

export const WAYS = ["alone", "again", "kept", "worker", "busy", "interpreted", "page"] as const;
/** `emulated`: by a Node for another processor, which `open` was given. */
export type Way = (typeof WAYS)[number] | "emulated";

/** Of one program: interpreted, or in a page beside other work. */
const PATIENCE_MS = 1_800_000;

type Library = { readonly Sandbox: typeof SandboxClass };

/** What the page has, beside the library. */
const PAGE = `
import { Sandbox } from "stratos";
import { finalState, goOn } from "./states.ts";
const options = { image: new URL("image/", location.href).href };
globalThis.states = {
  async final(program, names) {
    const fetched = names.map(async (name) => [name, new Uint8Array(await (await fetch("t/" + name)).arrayBuffer())]);
    return sent(await finalState(Sandbox, options, program, new Map(await Promise.all(fetched))));
  },
  async goOn(program, name) {
    const saved = name === null ? null : new Uint8Array(await (await fetch(name)).arrayBuffer());
    return sent(await goOn(Sandbox, options, program, saved));
  },
};
globalThis.twins = async () => {
  const box = await Sandbox.create(options);
  await box.fs.write("/tmp/a", "first");
  const [twin] = await box.fork();
  await twin.fs.write("/tmp/a", "of the fork");
  const later = await Sandbox.create({ ...options, state: await twin.save() });
  await later.snapshot("there");
  await later.fs.write("/tmp/a", "lost");
  await later.rollback("there");
  const said = await Promise.all([box, twin, later].map((each) => each.fs.readText("/tmp/a")));
  await Promise.all([box, twin, later].map((each) => each.close()));
  return said.join(", ");
};
async function sent({ saved, ...final }) {
  const reader = new FileReader();
  const url = await new Promise((resolve) => {
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(new Blob([saved]));
  });
  return { ...final, base64: url.slice(url.indexOf(",") + 1) };
}`;

interface OpenedPage {
  readonly page: Page;
  readonly browser: Browser;
  readonly close: () => unknown;
}

export class FinalStates {
  readonly #folder: string;
  readonly #project: string;
  readonly #library: Library;
  readonly #built = new Map<string, Uint8Array>();
  /** What the page is served, by name. */
  readonly #served = new Map<string, Uint8Array>();
  readonly #emulated: EmulatedNode | null;
  #page: OpenedPage | null = null;
  #count = 0;

  private constructor(folder: string, project: string, library: Library, emulated: EmulatedNode | null) {
    this.#folder = folder;
    this.#project = project;
    this.#library = library;
    this.#emulated = emulated;
  }

  /** @param node  of the way `emulated`: the command */
  static async open(node?: readonly string[]): Promise<FinalStates> {
    const { folder, project } = await installLibrary();
    const file = pathToFileURL(join(project, "node_modules/stratos/library.mjs")).href;
    process.env["STRATOS_HOME"] = TEST_HOME;
    const emulated = node === undefined ? null : new EmulatedNode(node, project);
    return new FinalStates(folder, project, (await import(file)) as Library, emulated);
  }

  async close(): Promise<void> {
    await this.#emulated?.close();
    await this.#page?.browser.close();
    await this.#page?.close();
    await endSupervisor(TEST_HOME);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @returns what is not as it is alone, by the ways */
  async differences(program: FinalProgram, ways: readonly Way[]): Promise<string[]> {
    const expected = await this.final(program, "alone");
    const found: string[] = [];
    for (const way of ways.filter((each) => each !== "alone"))
      try {
        found.push(...differencesOf(way, expected, await this.final(program, way)));
      } catch (error) {
        found.push(`${way}: ${String(error)}`);
      }
    return found;
  }

  async final(program: FinalProgram, way: Way): Promise<SavedState> {
    const executables = new Map((program.sources ?? []).map((source) => [nameOf(source), this.#build(source)]));
    if (way === "emulated") {
      if (this.#emulated === null) throw new Error("no emulated Node was given");
      return this.#emulated.final(program, executables);
    }
    if (way === "page") return this.#inPage("final", program, [...executables.keys()]);
    const undo = surroundings(way);
    try {
      const options: SandboxOptions = {
        image: TEST_IMAGE,
        isolation: way === "worker" ? "worker" : "process",
        codeCache: way === "kept",
        spare: false,
      };
      return await finalState(this.#library.Sandbox, options, program, executables, { isWatched: way === "again" });
    } finally {
      undo();
    }
  }

  goOn(program: FinalProgram, state: Uint8Array | null): Promise<SavedState> {
    return goOn(this.#library.Sandbox, { image: TEST_IMAGE, spare: false }, program, state);
  }

  goOnInPage(program: FinalProgram, state: Uint8Array | null): Promise<SavedState> {
    if (state !== null) this.#served.set("saved", state);
    return this.#inPage("goOn", program, state === null ? null : "saved");
  }

  #build(source: string): Uint8Array {
    let bytes = this.#built.get(source);
    if (bytes === undefined) {
      const output = join(this.#folder, source.replaceAll("/", "-"));
      const input = join(import.meta.dirname, "..", source);
      execFileSync("riscv64-linux-gnu-gcc", ["-O1", "-w", "-static", "-o", output, input, "-lpthread", "-lm"]);
      this.#built.set(source, (bytes = readFileSync(output)));
      this.#served.set(`t/${nameOf(source)}`, bytes);
    }
    return bytes;
  }

  /** What a fork, a state and a snapshot of a page's sandbox have of a file. */
  async twinsInPage(): Promise<string> {
    const { page } = (this.#page ??= await this.#openPage());
    await page.evaluate(
      "void twins().then((said) => (globalThis.twinsSaid = said), (error) => (twinsSaid = String(error)))",
    );
    return page.waitFor('globalThis.twinsSaid ?? ""', /./, PATIENCE_MS);
  }

  async #inPage(name: "final" | "goOn", program: FinalProgram, more: unknown): Promise<SavedState> {
    this.#page ??= await this.#openPage();
    const { page } = this.#page;
    const number = ++this.#count;
    const words = [program, more].map((each) => JSON.stringify(each)).join(", ");
    await page.evaluate(
      `void states.${name}(${words}).then(
        (value) => { globalThis.said${number} = JSON.stringify({ value }); },
        (error) => { globalThis.said${number} = JSON.stringify({ error: String(error) }); })`,
    );
    const said = await page.waitFor(`globalThis.said${number} ?? ""`, /./, PATIENCE_MS);
    await page.evaluate(`delete globalThis.said${number}`);
    const { value, error } = JSON.parse(said) as {
      readonly value?: FinalState & { readonly base64: string };
      readonly error?: string;
    };
    if (value === undefined) throw new Error(error);
    const { base64, ...final } = value;
    return { ...final, saved: new Uint8Array(Buffer.from(base64, "base64")) };
  }

  async #openPage(): Promise<OpenedPage> {
    const project = this.#project;
    writeFileSync(join(project, "page.js"), PAGE);
    writeFileSync(join(project, "states.ts"), readFileSync(join(import.meta.dirname, "final-state.ts")));
    const { outputFiles } = await build({
      absWorkingDir: project,
      entryPoints: ["page.js"],
      outdir: ".",
      bundle: true,
      format: "esm",
      platform: "browser",
      write: false,
    });
    const own = (name: string): Uint8Array => readFileSync(join(project, "node_modules/stratos", name));
    for (const [name, bytes] of [
      ["index.html", Buffer.from('<!doctype html><title>-</title><script type="module" src="page.js"></script>')],
      ...outputFiles.map(({ path, contents }) => [basename(path), contents] as const),
      ["browser-engine.mjs", own("browser-engine.mjs")],
      ["zstd.wasm", own("zstd.wasm")],
    ] as const)
      this.#served.set(name, bytes);
    const server = await servePage(this.#served, join(TEST_HOME, "images", TEST_IMAGE), 0);
    const browser = await Browser.launch();
    const page = await browser.open(server.url);
    await page.waitFor("typeof globalThis.states", /object/, PATIENCE_MS);
    return { page, browser, close: () => server.close() };
  }
}

function nameOf(source: string): string {
  return basename(source, ".c");
}

const SERVER: FinalProgram = {
  name: "a server that stays",
  script: `cat > /tmp/s.py <<'END'
import socket, random
s = socket.create_server(("127.0.0.1", 800)); count = 0
while True:
  c, a = s.accept(); count += 1; c.sendall(f"{count} {a} {random.random()}\\n".encode()); c.close()
END
setsid python3 /tmp/s.py < /dev/null > /dev/null 2>&1 &
until exec 3<>/dev/tcp/127.0.0.1/800; do :; done 2> /dev/null; cat <&3`,
};
const CLIENT: FinalProgram = {
  name: "its clients",
  script: "for i in 1 2 3; do cat < /dev/tcp/127.0.0.1/800; done; echo $RANDOM; date +%s.%N; ls -l /proc/[0-9]*/exe",
};

/** A system that is saved in Node goes on in a page and in Node; saved there, it goes on here. */
export async function journeys(states: FinalStates): Promise<string[]> {
  const found: string[] = [];
  const compare = (what: string, one: SavedState, other: SavedState): void => {
    found.push(...differencesOf(what, one, other));
  };
  try {
    const begun = await states.goOn(SERVER, null);
    const begunThere = await states.goOnInPage(SERVER, null);
    compare("begun in a page", begun, begunThere);
    const here = await states.goOn(CLIENT, begun.saved);
    const there = await states.goOnInPage(CLIENT, begun.saved);
    compare("from Node to a page", here, there);
    compare("from a page to Node", here, await states.goOn(CLIENT, begunThere.saved));
    const last = await states.goOn(CLIENT, here.saved);
    compare("there and back", last, await states.goOn(CLIENT, there.saved));
  } catch (error) {
    found.push(String(error));
  }
  return found;
}

function differencesOf(what: string, one: SavedState, other: SavedState): string[] {
  if (one.output !== other.output) return [`${what}: it prints something else`];
  if (one.machine === other.machine) return [];
  const [[state, pages], [otherState, otherPages]] = [partsOfMachine(one.saved), partsOfMachine(other.saved)];
  const found = stateDifferences(state, otherState);
  if (pages.length !== otherPages.length || Buffer.compare(pages, otherPages) !== 0) found.push("memory");
  return [`${what}: the machine is another:\n    ${found.join("\n    ")}`];
}

/** @returns what makes them again as they were */
function surroundings(way: Way): () => void {
  if (way === "interpreted") {
    process.env["STRATOS_INTERPRET"] = "1";
    return () => void delete process.env["STRATOS_INTERPRET"];
  }
  if (way !== "busy") return () => {};
  const busy: ChildProcess[] = [];
  for (let count = 0; count < 2 * availableParallelism(); count++)
    busy.push(spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
  return () => busy.forEach((child) => child.kill("SIGKILL"));
}
