/**
 * Goal: the list of areas finds, inserts, removes and looks for gaps as a plain sorted array does. Method: seeded
 * changes to both, compared at each step.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAP_PRIVATE } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { AreaList } from "./area-list.ts";
import { Area } from "./area.ts";

const PAGE = 4096;
const PAGES = 4096;

function area(start: number, end: number): Area {
  return new Area(start * PAGE, end * PAGE, 3, MAP_PRIVATE, { file: null, pages: null, offset: 0, label: "" });
}

/** The highest gap as a walk over all areas finds it. */
function highestGapByWalk(areas: readonly Area[], top: number, length: number): number {
  let ceiling = top;
  for (const each of areas.toReversed()) {
    if (each.start >= ceiling) continue;
    if (ceiling - each.end >= length) break;
    ceiling = each.start;
  }
  return ceiling;
}

/** The lowest. */
function lowestGapByWalk(areas: readonly Area[], bottom: number, length: number): number {
  let floor = bottom;
  for (const each of areas) {
    if (each.end <= bottom) continue;
    if (each.start - floor >= length) break;
    floor = each.end;
  }
  return floor;
}

test("finds, inserts, removes and finds gaps as a sorted array does", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = new SeededRandom(seed);
    const list = new AreaList({ count: 0, committed: 0 });
    let model: Area[] = [];
    for (let step = 0; step < 4000; step++) {
      const at = random.below(PAGES);
      const covering = model.find((each) => each.start <= at * PAGE && each.end > at * PAGE);
      assert.equal(list.at(at * PAGE), covering);
      // More is put in than taken out, until the list is full; then whole stretches go.
      if (covering === undefined && random.below(8) > 0) {
        const next = model.find((each) => each.start > at * PAGE);
        const room = Math.min(next === undefined ? PAGES : next.start / PAGE, at + 1 + random.below(3));
        const fresh = area(at, room);
        list.insert(fresh);
        model = [...model, fresh].sort((a, b) => a.start - b.start);
      } else if (covering !== undefined && random.below(3) === 0) {
        list.remove(covering);
        model = model.filter((each) => each !== covering);
      } else if (covering !== undefined && covering.end - covering.start > PAGE) {
        const changed =
          random.below(2) === 0
            ? { start: covering.start + PAGE, end: covering.end }
            : { start: covering.start, end: covering.end - PAGE };
        list.resize(covering, changed.start, changed.end);
      }
      if (random.below(300) === 0) {
        const [start, end] = [random.below(PAGES), random.below(PAGES)].sort((a, b) => a - b) as [number, number];
        const bounds = { start: start * PAGE, end: end * PAGE };
        // As the caller does, which splits at both ends: no area straddles the start.
        const straddling = model.find((each) => each.start < bounds.start && each.end > bounds.start);
        if (straddling !== undefined) bounds.start = straddling.start;
        assert.deepEqual(
          list.removeWithin(bounds.start, bounds.end),
          model.filter((each) => each.start >= bounds.start && each.start < bounds.end),
        );
        model = model.filter((each) => !(each.start >= bounds.start && each.start < bounds.end));
      }
      const probe = random.below(PAGES) * PAGE;
      assert.equal(
        list.endingAfter(probe),
        model.find((each) => each.end > probe),
      );
      assert.equal(
        list.startingBefore(probe),
        model.findLast((each) => each.start < probe),
      );
      const length = (1 + random.below(12)) * PAGE;
      assert.equal(
        list.highestGap(probe, length),
        highestGapByWalk(model, probe, length),
        `seed ${seed}, step ${step}`,
      );
      assert.equal(list.lowestGap(probe, length), lowestGapByWalk(model, probe, length), `seed ${seed}, step ${step}`);
    }
    assert.deepEqual([...list], model);
    assert.equal(list.size, model.length);
  }
});

test("65,530 areas side by side are made and removed in any order without walking them", () => {
  const list = new AreaList({ count: 0, committed: 0 });
  const order = Array.from({ length: 65530 }, (_, index) => (index * 40503) % 65530);
  const areas = order.map((at) => area(at, at + 1));
  const start = process.cpuUsage();
  for (const each of areas) list.insert(each);
  assert.equal(list.highestGap(65530 * PAGE, PAGE), 0);
  for (const each of areas) list.remove(each);
  assert.equal(list.size, 0);
  // Each step moves a leaf at most; the bound, of processor time, is loose, so that a slow host passes.
  const { user } = process.cpuUsage(start);
  assert.ok(user < 4e6, `${user} µs`);
});
