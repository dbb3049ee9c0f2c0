import assert from "node:assert/strict";
import { test } from "node:test";
import { StratosError } from "@stratos/sdk/client";
import { told } from "./supervisor.ts";

test("a missing image is told with the commands that help, not with the library's options", () => {
  const error = new StratosError("no-image", "dev: no such image; `pull` makes it", { image: "dev" });
  assert.match(told(error).message, /^dev: no such image; .*`stratos image build` makes one$/);
  const other = new StratosError("system", "dev: there is a system of this name", { system: "dev" });
  assert.equal(told(other).message, "dev: there is a system of this name");
});
