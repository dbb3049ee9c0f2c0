import { readFileSync, writeFileSync } from "node:fs";
import { CompiledLisp, Lisp } from "@stratos/lisp";
import { NodeWasmEngine } from "@stratos/host-node";
import { folderFinder, nodeSystem, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { nativeSession } from "./lisp/native.ts";
const make = (): Lisp => new Lisp({ system: nodeSystem([]), findLibrary: folderFinder([ownLibraryFolder()]) });
const text = readFileSync(process.argv[3]!, "utf8");
if (process.argv[2] === "native") writeFileSync(process.argv[4]!, nativeSession(make()).buildNative(text, "pi.scm", ["x86_64"]).x86_64, { mode: 0o755 });
else {
  const c = new CompiledLisp(make(), { wasm: new NodeWasmEngine() });
  const a = process.cpuUsage();
  c.runProgram(text, "pi.scm");
  const b = process.cpuUsage(a);
  console.log("\nwasm cpu", (b.user + b.system) / 1e6);
}
