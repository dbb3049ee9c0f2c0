/** Goal: what is asked for comes back as it was, whatever characters it has. Method: there and back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { placeAddress, placeOf, viewAddress, viewOf } from "./view-address.ts";

test("each part of a view's address comes back as it was", () => {
  for (const part of ["g++ compiler", "100%", "a/b", "#?&=", "%2F", "日本", "<img src=x>", "", "../.."]) {
    const place = { view: "images", parts: ["test", part] };
    assert.deepEqual(viewOf(viewAddress(place)), place, part);
  }
  assert.deepEqual(viewOf("#jobs"), { view: "jobs", parts: [] });
});

test("terminals and views are told apart; what nobody has encoded is neither", () => {
  assert.deepEqual(placeOf(placeAddress({ system: "images", session: "2" })), { system: "images", session: "2" });
  assert.equal(viewOf("#/images/2"), null);
  assert.equal(placeOf("#images/2"), null);
  for (const address of ["", "#", "#/", "#images/%", "#/%E0%A4%A"])
    assert.deepEqual([viewOf(address), placeOf(address)], [null, null], address);
});
