/** Goal: a program waits for each who watches it, but for none that takes nothing, each as long as any other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { STREAM_WINDOW } from "@stratos/sdk/wire";
import { Audience, Viewer } from "./audience.ts";

const PIECE = new Uint8Array(STREAM_WINDOW);

/** An audience, whoever of it was sent away, and how often the program was told to go on. */
class Watched {
  readonly audience = new Audience();
  readonly sentAway: string[] = [];
  told = 0;

  viewer(name: string): Viewer {
    const viewer = new Viewer(
      () => {},
      () => {},
      () => void this.sentAway.push(name),
      () => {},
    );
    this.audience.add(viewer);
    return viewer;
  }

  show(): void {
    this.audience.show(1, PIECE, () => void this.told++);
  }
}

test("who came late has as much time as who came first", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const watched = new Watched();
  watched.viewer("first");
  watched.show();
  t.mock.timers.tick(9000);
  // It is shown a long log, and takes of it what it can.
  const late = watched.viewer("late");
  for (let times = 0; times < 4; times++) late.show(1, PIECE);
  t.mock.timers.tick(1000);
  assert.deepEqual(watched.sentAway, ["first"]);
  t.mock.timers.tick(8000);
  late.taken(STREAM_WINDOW);
  t.mock.timers.tick(9999);
  assert.deepEqual(watched.sentAway, ["first"]);
  assert.equal(watched.told, 0);
  t.mock.timers.tick(1);
  assert.deepEqual(watched.sentAway, ["first", "late"]);
  assert.equal(watched.told, 1);
});

test("nobody is sent away while the program waits for nothing", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const watched = new Watched();
  const viewer = watched.viewer("reader");
  for (let times = 0; times < 2; times++) viewer.show(1, PIECE);
  viewer.taken(1);
  t.mock.timers.tick(60_000);
  assert.deepEqual(watched.sentAway, []);
});

test("a program that goes on after another was to take its place is told all the same", () => {
  const watched = new Watched();
  const viewer = watched.viewer("reader");
  watched.show();
  watched.audience.begin();
  viewer.taken(STREAM_WINDOW);
  assert.equal(watched.told, 1);
});
