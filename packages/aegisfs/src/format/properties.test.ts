/** Goal: what a file does not say for itself comes from its volume, each property by itself. */
import { test } from "node:test";
import assert from "node:assert/strict";
import {
  COMPRESS_LZ4,
  compressionOf,
  DEDUPE_ON,
  dedupeOf,
  propertiesOr,
  TIER_SLOW,
  tierOf,
  withCompression,
  withDedupe,
  withTier,
} from "./properties.ts";

test("a property that is set stays, one that is not comes from elsewhere, and no other changes", () => {
  const whole = withDedupe(withTier(withCompression(0, COMPRESS_LZ4, 0), TIER_SLOW), DEDUPE_ON);
  const own = [withCompression(0, COMPRESS_LZ4, 0), withTier(0, TIER_SLOW), withDedupe(0, DEDUPE_ON), 0];
  for (const properties of own) assert.equal(propertiesOr(properties, whole), whole);
  for (const properties of own) assert.equal(propertiesOr(properties, 0), properties);
  assert.equal(propertiesOr(whole, 0), whole);
  assert.deepEqual([compressionOf(whole), tierOf(whole), dedupeOf(whole)], [COMPRESS_LZ4, TIER_SLOW, DEDUPE_ON]);
});
