/** JavaScript, as scheme/stratos/javascript.sld asks for it. */
import type { Bridge } from "../../javascript/bridge.ts";
import { define, symbolOf, type Table } from "./operands.ts";

/** One primitive for all, so that programs that do not use it carry little of it. */
export function defineJavaScript(table: Table, bridge: Bridge): void {
  define(table, "%js", 1, Infinity, (name: unknown, ...operands: unknown[]) =>
    bridge.call(symbolOf("%js", name).name, operands),
  );
}
