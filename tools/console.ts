/**
 * `npm run console`: Debian in a tab, from an image of this computer, on the loopback address.
 *
 *     npm run console -- [--image NAME] [--port N] [--warm LINE]…
 *
 * The folder is kept below STRATOS_HOME/web, and written anew when the image has changed.
 */
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { keepWebFolder, tabFiles, webFolderServer } from "@stratos/console";
import { TAB_DESKTOP } from "@stratos/desktop/tab";
import { stratosHome } from "@stratos/host-node";
import { defaultImage } from "@stratos/images";
import type { PackEvent } from "@stratos/images/web";

const USAGE = "usage: npm run console -- [--image NAME] [--port N] [--warm LINE]…";

async function main(): Promise<void> {
  const home = stratosHome();
  const { values } = parseArgs({
    options: {
      image: { type: "string", default: defaultImage(home) },
      port: { type: "string", default: "8123" },
      warm: { type: "string", multiple: true, default: [] },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const { image } = values;
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535)
    throw new Error(`--port ${values.port}: expected a number from 0 to 65535`);
  const folder = await keepWebFolder(
    { image, home, lines: values.warm, page: () => tabFiles(TAB_DESKTOP) },
    progressLines(image),
  );
  const server = webFolderServer(folder);
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(Number(values.port), "127.0.0.1", resolve),
  );
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/  (Ctrl-C ends it)\n`);
}

/** Says that an image is written, and how far it is at each tenth. */
function progressLines(image: string): (event: PackEvent) => void {
  let tenths = 0;
  return (event) => {
    if (event.phase === "boot") process.stderr.write(`writing ${image} for the web, once: this takes some minutes …\n`);
    else if (Math.floor((event.done * 10) / event.total) > tenths) {
      tenths = Math.floor((event.done * 10) / event.total);
      process.stderr.write(`writing ${image} for the web: ${tenths * 10} %\n`);
    }
  };
}

main().catch((error: unknown) => {
  process.stderr.write(`console: ${(error as Error).message}\n`);
  process.exitCode = 1;
});
