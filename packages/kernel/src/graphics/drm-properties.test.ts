/** Goal: programs find the properties of DRM objects by name, and set each by its number alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DRM_MODE_OBJECT_ANY, DRM_MODE_OBJECT_CRTC, DRM_MODE_OBJECT_PLANE } from "@stratos/abi";
import { CONNECTOR_ID, CRTC_ID, type DrmCard, PLANE_ID } from "./drm-card.ts";
import { propertiesOf } from "./drm-properties.ts";

const card = {
  pipe: { isConnected: true, isActive: true, mode: null, plane: { framebuffer: null, isOn: true } },
  screen: { power: 0 },
} as unknown as DrmCard;

test("each property has a number of its own, and the atomic ones are shown to who asked for them", () => {
  const names = new Map<number, string>();
  for (const id of [CONNECTOR_ID, CRTC_ID, PLANE_ID])
    for (const [property] of propertiesOf(card, id, DRM_MODE_OBJECT_ANY, true)!) {
      assert.equal(names.get(property.id) ?? property.name, property.name, `${property.id}`);
      names.set(property.id, property.name);
    }
  assert.deepEqual([...names.values()].sort(), [...new Set(names.values())].sort());
  const shown = (isAtomic: boolean): string[] =>
    propertiesOf(card, PLANE_ID, DRM_MODE_OBJECT_PLANE, isAtomic)!.map(([{ name }]) => name);
  assert.deepEqual(shown(false), ["type"]);
  assert.ok(["FB_ID", "CRTC_ID", "CRTC_X", "SRC_H"].every((name) => shown(true).includes(name)));
  assert.equal(propertiesOf(card, PLANE_ID, DRM_MODE_OBJECT_CRTC, true), null);
});
