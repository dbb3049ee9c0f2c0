/** Goal: no window is lost between two pages. Method: layouts as values, without a page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeptWindow, withAwaited } from "./kept-layout.ts";

function window(id: string, kind: string | null = "terminal"): KeptWindow {
  return {
    id,
    kept: kind === null ? null : { kind, argument: null },
    free: { x: 0, y: 0, width: 300, height: 200 },
    placement: "free",
    workspace: 0,
    isMinimized: false,
  };
}
const ORDER = ["a", "b", "c", "d"];
const idsOf = (there: readonly string[], awaited: readonly string[], order = ORDER): string =>
  withAwaited(
    there.map((id) => window(id)),
    awaited.map((id) => window(id)),
    order,
  )
    .map(({ id }) => id)
    .join("");

test("a page that is left before its windows are there again leaves all of them, as they lay", () => {
  assert.equal(idsOf([], ["a", "b", "c", "d"]), "abcd");
  assert.equal(idsOf(["b", "d"], ["a", "c"]), "abcd");
  assert.equal(idsOf(["a", "b"], ["c", "d"]), "abcd");
  assert.equal(idsOf(["a", "b", "c", "d"], []), "abcd");
});

test("what was opened or raised since lies above", () => {
  assert.equal(idsOf(["d", "new"], ["a"]), "adnew");
  assert.equal(idsOf(["d", "a", "new"], ["b"]), "bdanew");
});

test("windows that come by themselves are not waited for", () => {
  const all = withAwaited([window("a")], [window("b", null), window("c")], ORDER);
  assert.deepEqual(
    all.map(({ id }) => id),
    ["a", "c"],
  );
});
