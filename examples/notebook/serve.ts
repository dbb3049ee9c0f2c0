/**
 * Serves the notebook, with the library as it was built and an image of this computer's store, on the loopback address.
 *
 *     npm run build && npm run example:notebook -- [--image NAME] [--port N]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runServer, servePage, type TabServer } from "../tab/serve.ts";

const here = import.meta.dirname;
const LIBRARY = join(here, "../../dist");

/** @param imageFolder  where image.json and the layers are. @param port  0: any */
export function serveNotebook(imageFolder: string, port: number): Promise<TabServer> {
  const assets = new Map<string, Uint8Array>();
  for (const name of ["index.html", "notebook.css", "notebook.mjs"]) assets.set(name, readFileSync(join(here, name)));
  for (const name of ["browser.mjs", "browser-engine.mjs", "zstd.wasm"])
    assets.set(`stratos/${name}`, readFileSync(join(LIBRARY, name)));
  return servePage(assets, imageFolder, port);
}

if (import.meta.main) runServer("example:notebook", serveNotebook);
