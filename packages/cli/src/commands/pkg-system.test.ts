/** What a change of packages says of the place where it was made. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { placeWords } from "./pkg-system.ts";

test("a change is taken back where it was made: with --to in the image that came of it", () => {
  assert.equal(placeWords({ image: "srv" }), " -i srv");
  assert.equal(placeWords({ image: "srv", to: "db" }), " -i db");
  assert.equal(placeWords({ to: "db" }), " -i db");
  assert.equal(placeWords({}), "");
  assert.equal(placeWords({ root: "/srv/root" }), " --root /srv/root");
});
