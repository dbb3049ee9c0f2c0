/**
 * X servers that say what comes to mind: events about windows that are there or not, answers that nobody asked for,
 * properties of every shape, bytes that are no messages. A bystander with a window must not notice.
 */
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { TestClient, TestScreen, TestWindow } from "./test-client.ts";
import { ROOT, TestXServer, XFIXES_EVENT } from "./test-x-server.ts";

const NUMBERS = [0, 1, 2, 31, 32, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, ROOT];
const CODES = [0, 1, 16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30, 31, 33, 33, 35, XFIXES_EVENT];
const NAMES = [
  "CLIPBOARD",
  "TARGETS",
  "UTF8_STRING",
  "STRING",
  "INCR",
  "WM_PROTOCOLS",
  "_NET_WM_STATE",
  "_NET_WM_NAME",
];
const MESSAGES = [
  "WL_SURFACE_SERIAL",
  "_NET_ACTIVE_WINDOW",
  "_NET_CLOSE_WINDOW",
  "_NET_WM_MOVERESIZE",
  "_NET_WM_STATE",
];
const PROPERTIES = [33, 35, 39, 40, 68];

/**
 * @param between  called after each message
 * @returns how many servers were disconnected for what they did @throws AssertionError
 */
export function surviveServers(
  seed: number,
  count: number,
  between: (clients: readonly TestClient[], server: TestXServer) => void = () => {},
  screen: TestScreen = new TestScreen(),
): number {
  const random = new SeededRandom(seed);
  const bystander = new TestWindow(new TestClient(screen), { width: 64, height: 48, pixel: 0xff123456 });
  let server: TestXServer | null = null;
  let ended = 0;
  for (let sent = 0; sent < count; sent++) {
    if (server === null || server.isClosed || random.below(400) === 0) {
      if (server?.isClosed === true) ended++;
      else server?.end();
      server?.client.disconnect();
      server = new TestXServer(screen);
    }
    act(server, random);
    server.requests.length = 0;
    server.screen.collected.length = 0;
    server.client.forget();
    bystander.client.forget();
    disturb(screen, random);
    between([bystander.client], server);
  }
  server?.end();
  server?.client.disconnect();
  assert.deepEqual(screen.defects, [], `seed ${seed}`);
  assert.equal(bystander.client.error, null, `seed ${seed}`);
  assert.equal(screen.compositor.windows.length, 1, `seed ${seed}`);
  return ended;
}

function act(server: TestXServer, random: SeededRandom): void {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const window = (): number => 0x400000 + random.below(6);
  const atom = (): number => server.atom(pick(NAMES));
  const number = (): number => pick([pick(NUMBERS), random.below(100), window(), atom()]);
  switch (random.below(8)) {
    case 0:
      return server.create(
        window(),
        { x: random.below(64), y: random.below(48), width: 8, height: 8 },
        random.below(3) > 1,
      );
    case 1:
      return server.event(20, { 4: ROOT, 8: window() });
    case 2: {
      if (server.client.isClosed) return;
      server.show(window(), { width: 8, height: 8, pixel: 0xff00ff00 }, random.below(16));
      return;
    }
    case 3:
      return server.message(window(), pick(MESSAGES), [number(), number(), number(), number(), number()]);
    case 4: {
      const words = Array.from({ length: random.below(20) }, number);
      const property = random.below(2) === 0 ? pick(PROPERTIES) : pick(NAMES);
      const of = random.below(3) === 0 ? 0x200000 : window();
      if (random.below(2) === 0) server.setWords(of, property, number(), words);
      else server.setText(of, property, pick(NAMES), new Uint8Array(random.below(300)).fill(random.below(256)));
      return server.event(28, { 4: of, 8: typeof property === "number" ? property : server.atom(property) });
    }
    case 5: {
      const words = { 4: number(), 8: number(), 12: atom(), 16: atom(), 20: number(), 24: number() };
      return server.event(pick([30, 31, XFIXES_EVENT]), words);
    }
    case 6: {
      if (random.below(50) > 0) return;
      const bytes = new Uint8Array(random.below(80));
      for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256);
      return server.write(bytes);
    }
    default: {
      // A length that is said brings as much, or the connection would wait for it.
      const code = pick(CODES);
      const words = Object.fromEntries([8, 12, 16, 20, 24, 28].map((at) => [at, number()]));
      return server.event(code, { ...words, 4: code === 1 || code === 35 ? 0 : number() });
    }
  }
}

function disturb(screen: TestScreen, random: SeededRandom): void {
  const { compositor } = screen;
  switch (random.below(20)) {
    case 0:
      return compositor.movePointer(random.below(64), random.below(48));
    case 1:
      return compositor.button(0x110 + random.below(3), random.below(2) === 0);
    case 2:
      return void compositor.copyText("text");
    case 3:
      return compositor.readCopied(() => {});
    case 4:
      return compositor.windows.at(-1)?.frame == null ? undefined : compositor.windows.at(-1)!.close();
    case 5:
      return screen.frame();
    default:
  }
}
