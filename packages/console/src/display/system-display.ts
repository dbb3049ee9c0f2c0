/** `stratos display`: the windows of a named system in a page of this computer, or a picture of them. */
import { replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import type { SupervisorClient } from "@stratos/sdk/systems";
import { DisplayServer } from "./display-server.ts";
import { encodePng } from "./png.ts";
import { pictureOf } from "./screen-picture.ts";
import { SCREENSHOT_TIMEOUT_MS } from "./screenshot.ts";
import { SystemScreen } from "./system-screen.ts";

/** Several pages may look at once. @throws StratosError: there is no such system, or it has no display */
export async function serveSystemDisplay(
  client: SupervisorClient,
  name: string,
  port = 0,
): Promise<{ readonly address: string; close(): void }> {
  const screen = new SystemScreen(client, name);
  await screen.require();
  const server = new DisplayServer(screen);
  try {
    return { address: await server.listen(port), close: () => server.close() };
  } catch (error) {
    throw new OperationError("option", `127.0.0.1:${port}`, hostReason(error), { cause: error });
  }
}

/** @returns false: it has shown nothing. @throws StratosError; OperationError: the file cannot be written */
export async function pictureSystem(
  client: SupervisorClient,
  name: string,
  file: string,
  timeoutMs = SCREENSHOT_TIMEOUT_MS,
): Promise<boolean> {
  const screen = new SystemScreen(client, name);
  await screen.require();
  const picture = await pictureOf(screen, timeoutMs);
  if (picture === null) return false;
  try {
    replaceFile(file, encodePng(picture.pixels, picture.width, picture.height), { flush: false });
  } catch (error) {
    throw new OperationError("program", file, hostReason(error), { cause: error });
  }
  return true;
}
