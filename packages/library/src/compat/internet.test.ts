/** Goal: programs of a hosted sandbox reach the internet, and no neighbour of who runs them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PRIVATE_NETWORKS } from "@stratos/sdk/private-networks";
import { internet } from "./internet.ts";

test("the usual rules deny every private network, and allow all else", () =>
  assert.deepEqual(internet(undefined, false).net!.policy, [
    ...PRIVATE_NETWORKS.map((deny) => ({ deny })),
    { allow: "*" },
  ]));
