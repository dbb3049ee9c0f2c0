/** `stratos lisp lsp`: the language server between standard input and output. */
import { NodeEventLoop } from "@stratos/host-node";
import { LanguageServer } from "@stratos/lisp/language-server";
import { workspaceFiles } from "@stratos/tools-node/lisp-workspace";

/** @returns the exit status that the protocol asks for */
export async function serveEditor(libraryPath: readonly string[]): Promise<number> {
  const server = new LanguageServer({
    write: (bytes) => void process.stdout.write(bytes),
    files: workspaceFiles(libraryPath),
    loop: new NodeEventLoop(),
  });
  process.stdin.on("data", (bytes: Buffer) => server.feed(bytes));
  process.stdin.on("end", () => server.close());
  process.stdin.on("error", () => server.close());
  // The editor is gone: what is still said goes nowhere.
  process.stdout.on("error", () => server.close());
  const status = await server.ended;
  process.stdin.destroy();
  return status;
}
