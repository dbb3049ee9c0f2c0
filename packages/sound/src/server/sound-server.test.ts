/**
 * Goal: what programs play is heard sample by sample and in its time, they are asked for as much as there is room for,
 * told what libpulse waits for, and none can break the server. Method: programs of the test's own, and a clock that it
 * moves.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { textProperties } from "../wire/tags.ts";
import * as C from "../wire/commands.ts";
import { TestProgram, TestServer, type TestStream } from "../testing/test-program.ts";

function ramp(frames: number, from = 0): number[] {
  return Array.from({ length: 2 * frames }, (_, at) => from + at);
}

function samplesOf(heard: readonly number[]): number[] {
  return heard.map((value) => Math.round(value * 32768));
}

function begun(stream: TestStream | number): TestStream {
  assert.equal(typeof stream, "object", `refused: ${String(stream)}`);
  return stream as TestStream;
}

test("what is sent is heard as it is, once enough of it is there, and its end is answered then", () => {
  const machine = new TestServer();
  const program = new TestProgram(machine.server);
  // Of 40 ms, of which 20 are to be there before it begins.
  const { channel, requested, attributes } = begun(program.play({}, [C.NO_INDEX, 7680, 3840, 1920]));
  assert.deepEqual([requested, attributes], [7680, [4 << 20, 7680, 3840, 1920]]);
  program.send(channel, ramp(500));
  machine.pass(100);
  assert.deepEqual([machine.heard.length, machine.isDue], [0, false]);
  program.send(channel, ramp(1420, 1000));
  machine.pass(20);
  assert.deepEqual(samplesOf(machine.heard), ramp(960));
  assert.equal(program.heardOf(C.STARTED)[0]!.u32(), channel);
  const asked = program.heardOf(C.REQUEST);
  assert.deepEqual([asked.length, asked[0]!.u32(), asked[0]!.u32()], [1, channel, 3840]);
  assert.equal(
    program.ask(C.DRAIN_PLAYBACK_STREAM, (to) => to.u32(channel)),
    null,
  );
  const tag = program.lastTag;
  machine.pass(10);
  assert.equal(program.answer(tag), null);
  machine.pass(40);
  assert.notEqual(program.answer(tag), null);
  assert.deepEqual(samplesOf(machine.heard), ramp(1920));
  assert.deepEqual([program.heardOf(C.UNDERFLOW).length, machine.isDue], [0, false]);
});

test("a stream that runs empty says so once, and waits for as much as at first", () => {
  const machine = new TestServer();
  const program = new TestProgram(machine.server);
  const { channel } = begun(program.play({}, [C.NO_INDEX, 7680, 400, 400]));
  program.send(channel, ramp(200));
  machine.pass(100);
  const [underflow, ...more] = program.heardOf(C.UNDERFLOW);
  assert.deepEqual([underflow!.u32(), more.length, samplesOf(machine.heard)], [channel, 0, ramp(200)]);
  program.send(channel, ramp(50, 7));
  machine.pass(100);
  assert.equal(machine.heard.length, 400);
  program.send(channel, ramp(50, 107));
  machine.pass(100);
  assert.deepEqual(samplesOf(machine.heard), [...ramp(200), ...ramp(100, 7)]);
  // One that waits for nothing loses what comes late, and goes on in time.
  const other = begun(program.play({}, [C.NO_INDEX, 7680, 0, 400]));
  program.send(other.channel, ramp(10));
  machine.pass(20);
  const before = machine.heard.length;
  program.send(other.channel, ramp(960, 20));
  machine.pass(20);
  assert.equal(samplesOf(machine.heard)[before], 20 + 2 * 950, "950 frames were late");
});

test("a program writes over what was not heard, or further on; what it leaps over is silence", () => {
  const machine = new TestServer();
  const program = new TestProgram(machine.server);
  const { channel } = begun(program.play({}, [C.NO_INDEX, 7680, 0, 4], { isCorked: true }));
  program.send(channel, ramp(10, 1));
  program.send(channel, [100, 101], 8, C.SEEK_ABSOLUTE);
  program.send(channel, [200, 201], 4, C.SEEK_RELATIVE_END);
  program.ask(C.CORK_PLAYBACK_STREAM, (to) => to.u32(channel).flag(false));
  program.ask(C.TRIGGER_PLAYBACK_STREAM, (to) => to.u32(channel));
  program.ask(C.DRAIN_PLAYBACK_STREAM, (to) => to.u32(channel));
  machine.pass(20);
  const expected = ramp(10, 1);
  expected.splice(4, 2, 100, 101);
  assert.deepEqual(samplesOf(machine.heard).slice(0, 24), [...expected, 0, 0, 200, 201]);
});

test("nothing of a stream is heard while it is corked, nor after it was flushed", () => {
  const machine = new TestServer();
  const program = new TestProgram(machine.server);
  const { channel } = begun(program.play({}, [C.NO_INDEX, 7680, 4, 4], { isCorked: true }));
  program.send(channel, ramp(1920));
  machine.pass(50);
  assert.deepEqual([machine.heard.length, machine.isDue], [0, false]);
  program.ask(C.FLUSH_PLAYBACK_STREAM, (to) => to.u32(channel));
  program.send(channel, ramp(5, 9));
  program.ask(C.CORK_PLAYBACK_STREAM, (to) => to.u32(channel).flag(false));
  machine.pass(50);
  assert.deepEqual(samplesOf(machine.heard), ramp(5, 9));
});

test("two programs are heard together, each by its volume, and all by that of the sink", () => {
  const machine = new TestServer();
  const programs = [new TestProgram(machine.server), new TestProgram(machine.server)];
  const listener = new TestProgram(machine.server);
  listener.ask(C.SUBSCRIBE, (to) => to.u32(1));
  const streams = programs.map((program) => begun(program.play({}, [C.NO_INDEX, 7680, 400, 4])));
  const half = C.VOLUME_NORM / 2;
  programs[0]!.ask(C.SET_SINK_INPUT_VOLUME, (to) => to.u32(streams[0]!.index).channelVolumes([half]));
  for (const [at, program] of programs.entries()) program.send(streams[at]!.channel, Array(400).fill(8000));
  machine.pass(20);
  // What is heard as half is an eighth.
  assert.deepEqual(samplesOf(machine.heard), Array(400).fill(9000));
  machine.heard.length = 0;
  programs[0]!.ask(C.SET_SINK_MUTE, (to) => to.u32(0).string(null).flag(true));
  programs[1]!.send(streams[1]!.channel, Array(400).fill(8000));
  machine.pass(20);
  assert.deepEqual([samplesOf(machine.heard).every((value) => value === 0), machine.changes], [true, 1]);
  const answer = listener.ask(C.SET_SINK_VOLUME, (to) => to.u32(C.NO_INDEX).string("0").channelVolumes([half]));
  assert.equal(typeof answer, "object");
  assert.deepEqual(machine.server.volumes, [half, half]);
  assert.equal(listener.heardOf(C.SUBSCRIBE_EVENT).length, 2, "both changes are told to who has asked for it");
});

test("a machine that stood still has not played meanwhile", () => {
  const machine = new TestServer();
  const program = new TestProgram(machine.server);
  const { channel } = begun(program.play({}, [C.NO_INDEX, C.NO_INDEX, 4, C.NO_INDEX]));
  program.send(channel, ramp(10_000));
  machine.nowNs += 3e9;
  machine.pass(0);
  assert.deepEqual(samplesOf(machine.heard), ramp(4800));
});

test("sound of another rate, channels and format is heard as what it is", () => {
  const machine = new TestServer();
  const program = new TestProgram(machine.server);
  const { channel } = begun(program.play({ rate: 44_100 }, [C.NO_INDEX, C.NO_INDEX, 4, 4]));
  const wave = (frame: number): number => Math.round(20_000 * Math.sin((2 * Math.PI * 441 * frame) / 44_100));
  program.send(
    channel,
    Array.from({ length: 2 * 4410 }, (_, at) => wave(at >> 1)),
  );
  machine.pass(200);
  assert.equal(machine.heard.length, 2 * 4800, "a tenth of a second is a tenth of a second");
  const worst = Math.max(
    ...samplesOf(machine.heard)
      .slice(200, 9400)
      .map((value, at) => Math.abs(value - 20_000 * Math.sin((2 * Math.PI * 441 * ((at + 200) >> 1)) / 48_000))),
  );
  assert.ok(worst < 3, `off by ${worst} of 32768`);
  machine.heard.length = 0;
  const mono = begun(program.play({ channels: 1 }, [C.NO_INDEX, C.NO_INDEX, 2, 2], { positions: [0] }));
  program.send(mono.channel, [1, -2, 3]);
  machine.pass(20);
  assert.deepEqual(samplesOf(machine.heard), [1, 1, -2, -2, 3, 3]);
});

test("a program that offers formats gets the first of plain samples", () => {
  const { server } = new TestServer();
  const program = new TestProgram(server);
  const info = (encoding: number, texts: Record<string, string>) => ({ encoding, properties: textProperties(texts) });
  const pcm = info(1, { "format.sample_format": '["u8","s16le"]', "format.rate": "8000", "format.channels": "1" });
  const stream = begun(program.play({}, undefined, { formats: [info(2, {}), pcm] }));
  assert.deepEqual(server.streams.get(stream.index)!.spec, { format: 0, channels: 1, rate: 8000 });
  assert.equal(program.play({}, undefined, { formats: [info(2, {})] }), C.ERR_NOTSUPPORTED);
});

test("what there is not is refused by its error", () => {
  const { server } = new TestServer();
  const program = new TestProgram(server);
  const { channel, index } = begun(program.play());
  for (const [command, error, put] of [
    [C.CREATE_RECORD_STREAM, C.ERR_NOTSUPPORTED, null],
    [C.GET_SOURCE_INFO, C.ERR_NOENTITY, null],
    [C.EXTENSION, C.ERR_NOEXTENSION, null],
    [C.EXIT, C.ERR_ACCESS, null],
    [C.DRAIN_PLAYBACK_STREAM, C.ERR_NOENTITY, [channel + 1]],
    [C.GET_SINK_INPUT_INFO, C.ERR_NOENTITY, [index + 1]],
    [C.KILL_CLIENT, C.ERR_NOENTITY, [99]],
    [C.SUBSCRIBE, C.ERR_INVALID, [0x100000]],
  ] as const)
    assert.equal(
      program.ask(command, (to) => put?.forEach((value) => to.u32(value))),
      error,
      `command ${command}`,
    );
  assert.equal(program.play({ rate: 0 }), C.ERR_INVALID);
  assert.equal(program.play({ format: 13 }), C.ERR_INVALID);
  assert.equal(program.play({ channels: 3 }), C.ERR_INVALID);
  const stranger = new TestProgram(server, null);
  assert.equal(stranger.ask(C.STAT), C.ERR_ACCESS);
  assert.equal(
    stranger.ask(C.AUTH, (to) => to.u32(21).arbitrary(new Uint8Array(C.COOKIE_BYTES))),
    C.ERR_VERSION,
  );
  assert.equal(program.isClosed, false);
});

test("what a program says of itself is bounded, however often it says more", () => {
  const program = new TestProgram(new TestServer().server);
  const { channel } = begun(program.play());
  const answers = Array.from({ length: 9 }, (_, at) =>
    program.ask(C.UPDATE_PLAYBACK_STREAM_PROPLIST, (to) =>
      to
        .u32(channel)
        .u32(2)
        .properties(textProperties({ [`key${at}`]: "x".repeat(10_000) })),
    ),
  );
  assert.deepEqual(
    answers.map((each) => typeof each === "object"),
    [...Array(6).fill(true), ...Array(3).fill(false)],
  );
  assert.equal(answers[8], C.ERR_TOOLARGE);
});

test("programs hear of each other, and one can end another's stream", () => {
  const { server } = new TestServer();
  const [one, two] = [new TestProgram(server), new TestProgram(server)] as const;
  const { channel, index } = begun(one.play());
  const info = two.ask(C.GET_SINK_INPUT_INFO, (to) => to.u32(index));
  assert.ok(info !== null && typeof info === "object");
  assert.deepEqual([info.u32(), info.string()], [index, "a sound"]);
  two.ask(C.KILL_SINK_INPUT, (to) => to.u32(index));
  assert.equal(one.heardOf(C.PLAYBACK_STREAM_KILLED)[0]!.u32(), channel);
  one.events.onEnd();
  assert.deepEqual([server.streams.size, server.clients.size], [0, 1]);
});

test("streams and what they hold are bounded for all programs together", () => {
  const { server } = new TestServer();
  const room = server.budget.left;
  const programs = Array.from({ length: 70 }, () => new TestProgram(server));
  assert.equal(programs.filter(({ isClosed }) => isClosed).length, 6);
  const program = programs[0]!;
  const opened = Array.from({ length: 65 }, () => program.play({}, undefined, { isCorked: true }));
  assert.equal(opened[64], C.ERR_TOOLARGE);
  const piece = new Uint8Array(1 << 20);
  for (const stream of opened.slice(0, 64))
    for (let count = 0; count < 5; count++) program.sendBytes(begun(stream).channel, piece);
  assert.ok(server.budget.left >= 0 && server.budget.left < 4 << 20, String(server.budget.left));
  assert.ok(program.heardOf(C.OVERFLOW).length > 64);
  for (const each of programs) each.events.onEnd();
  assert.equal(server.budget.left, room);
});

test("whatever a program sends, it is answered or disconnected, and the others are heard", () => {
  const seed = Number(process.env["STRATOS_SEED"] ?? 1);
  const random = new SeededRandom(seed);
  const machine = new TestServer();
  for (let round = 0; round < 300; round++) {
    const program = new TestProgram(machine.server);
    const stream = program.play();
    const channel = typeof stream === "number" ? 0 : stream.channel;
    for (let count = 0; count < 40 && !program.isClosed; count++) {
      if (random.below(3) === 0) {
        const samples = Array.from({ length: random.below(2000) }, () => random.below(65536) - 32768);
        program.send(channel, samples, random.below(2 ** 31) - 2 ** 30, random.below(5));
      } else
        program.ask(random.below(C.COMMAND_COUNT), (to) => {
          for (let values = random.below(9); values > 0; values--) {
            const kind = random.below(8);
            if (kind < 3) to.u32([0, 1, channel, C.NO_INDEX, random.below(2 ** 31)][random.below(5)]!);
            else if (kind === 3) to.flag(random.below(2) === 0);
            else if (kind === 4) to.string(random.below(2) === 0 ? null : "stratos");
            else if (kind === 5)
              to.channelVolumes(Array.from({ length: random.below(4) }, () => random.below(2 ** 31)));
            else if (kind === 6) to.properties(textProperties({ a: "b" }));
            else to.time([1, 2]);
          }
        });
      if (random.below(4) === 0) machine.pass(random.below(60));
    }
    if (random.below(2) === 0) program.events.onData(Uint8Array.from({ length: 60 }, () => random.below(256)));
    if (!program.isClosed) program.events.onEnd();
  }
  assert.deepEqual([machine.server.clients.size, machine.server.streams.size], [0, 0], `seed ${seed}`);
  machine.heard.length = 0;
  machine.server.setVolume([C.VOLUME_NORM, C.VOLUME_NORM], false);
  machine.pass(100);
  const program = new TestProgram(machine.server);
  const { channel } = begun(program.play({}, [C.NO_INDEX, C.NO_INDEX, 4, 4]));
  program.send(channel, ramp(10));
  machine.pass(20);
  assert.deepEqual(samplesOf(machine.heard), ramp(10), `seed ${seed}`);
});
