/** Goal: who only looks changes nothing, and takes no place of others. Method: a screen that notes what it hears. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ScreenViewers, type Watching } from "./screen-viewers.ts";
import { soundOf } from "./sound-parts.ts";

interface Seen {
  readonly texts: Record<string, unknown>[];
  readonly frames: Uint8Array[];
  isClosed: boolean;
}

function screenOf(): {
  readonly viewers: ScreenViewers;
  readonly told: string[];
  readonly copy: (text: string) => void;
  readonly connect: (mayAct: boolean) => Seen & Watching;
} {
  const told: string[] = [];
  const note =
    (name: string) =>
    (...values: unknown[]): void =>
      void told.push([name, ...values].join(" "));
  let copied: string | null = null;
  const screen = {
    ...{ canvas: { width: 2, height: 1, pixels: Uint32Array.of(0xff010203, 0xff040506) }, cursor: null, windows: [] },
    ...{ textPlace: null, isPointerLocked: false, key: note("key"), movePointer: note("move"), button: note("button") },
    ...{ movePointerBy: note("by"), scroll: note("scroll"), unlockPointer: note("unlock"), touch: note("touch") },
    readCopied: (onText: (text: string | null) => void) => onText(copied),
  };
  const display = { screen, setRefresh: note("refresh") };
  const viewers = new ScreenViewers(display as unknown as ConstructorParameters<typeof ScreenViewers>[0]);
  const copy = (text: string): void => {
    copied = text;
    viewers.copied();
  };
  const connect = (mayAct: boolean): Seen & Watching => {
    const seen: Seen = { texts: [], frames: [], isClosed: false };
    const send = (message: string | Uint8Array): void =>
      void (typeof message === "string"
        ? seen.texts.push(JSON.parse(message) as Record<string, unknown>)
        : seen.frames.push(message));
    return Object.assign(seen, viewers.connect({ send, close: () => (seen.isClosed = true) }, mayAct));
  };
  return { viewers, told, copy, connect };
}

test("who only looks sees all, says nothing, and is not told what is copied", () => {
  const { told, copy, connect } = screenOf();
  const looking = connect(false);
  assert.deepEqual([...looking.frames[0]!], [0, 0, 0, 0, 2, 0, 1, 0, 1, 2, 3, 255, 4, 5, 6, 255]);
  looking.take('{"key":30,"down":true}');
  looking.take('{"move":{"x":1,"y":1}}');
  copy("nobody's");
  const acting = connect(true);
  acting.take('{"key":30,"down":true}');
  copy("secret");
  assert.deepEqual(
    told.filter((each) => !each.startsWith("refresh")),
    ["key 30 true"],
  );
  const copiedOf = ({ texts }: Seen): unknown[] => texts.flatMap(({ copied }) => copied ?? []);
  assert.deepEqual([copiedOf(looking), copiedOf(acting)], [[], ["secret"]]);
});

test("what comes while programs stand still is not heard, and nothing stays held", () => {
  const { told, connect } = screenOf();
  const acting = connect(true);
  acting.take('{"button":272,"down":true}');
  acting.take('{"key":30,"down":true}', false);
  acting.take('{"button":272,"down":false}', false);
  assert.deepEqual(
    told.filter((each) => !each.startsWith("refresh")),
    ["button 272 true", "button 272 false"],
  );
});

test("problems are told to who comes later, too, the last ones", () => {
  const { viewers, connect } = screenOf();
  for (let number = 1; number <= 10; number++) viewers.tell(`problem ${number}`);
  const problems = connect(false).texts.flatMap(({ problem }) => problem ?? []);
  assert.deepEqual([problems.length, problems[0], problems.at(-1)], [8, "problem 3", "problem 10"]);
});

test("of too many, one who only looks leaves before one who acts", () => {
  const { connect, viewers } = screenOf();
  const acting = connect(true);
  const looking = connect(false);
  const others = Array.from({ length: 15 }, () => connect(true));
  assert.deepEqual([acting.isClosed, looking.isClosed], [false, true]);
  viewers.close();
  assert.ok([acting, ...others].every(({ isClosed }) => isClosed));
});

test("who hears gets what is played, and no more than it takes; others are told once that there is something", () => {
  const { viewers, told, connect } = screenOf();
  const hearing = connect(false),
    silent = connect(true);
  hearing.frames.length = silent.frames.length = 0;
  const frames = Float32Array.of(0.5, -0.5);
  viewers.play(frames);
  viewers.play(frames);
  const isTold = ({ texts }: Seen): number => texts.filter(({ playing }) => playing === true).length;
  assert.deepEqual([isTold(hearing), isTold(silent), hearing.frames.length], [1, 1, 0]);
  hearing.take('{"hear":true}');
  viewers.play(frames);
  const message = hearing.frames.pop()!;
  assert.deepEqual([...soundOf(message.slice().buffer)!], [16384, -16384]);
  assert.equal(soundOf(Uint8Array.of(0, 0, 0, 0, 2, 0, 1, 0, 1, 2, 3, 255).buffer), null, "a rectangle is none");
  for (let count = 0; count < 200; count++) viewers.play(frames);
  assert.equal(hearing.frames.length, 74);
  hearing.take('{"heard":true}');
  viewers.play(frames);
  assert.equal(hearing.frames.length, 75);
  hearing.take('{"hear":false}');
  viewers.play(frames);
  assert.deepEqual([hearing.frames.length, isTold(hearing), silent.frames.length], [75, 2, 0]);
  assert.ok(!told.some((each) => !each.startsWith("refresh")), "nothing of it is input");
});
