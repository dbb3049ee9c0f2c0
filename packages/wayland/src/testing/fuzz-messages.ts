/**
 * Clients that send what comes to mind: requests of known objects with likely and unlikely arguments, bytes that are no
 * messages, memory that goes away, while frames are shown and keys are pressed. A bystander with a window must not
 * notice.
 */
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { MessageWriter, type Slot, slotsOf } from "../core/message.ts";
import type { Interface, MessageType, Value } from "../core/resource.ts";
import type { InterfaceName } from "../protocol/protocol.ts";
import { TestClient, TestFile, TestScreen, TestWindow } from "./test-client.ts";

const CLIENTS = 4;
/** Of a client's requests; so its numbers stay small. */
const LIFE = 400;
const NUMBERS = [0, 1, 2, 4, 8, 64, 256, 4096, 16384, 0x7fffffff, 0x80000000, 0xffffffff, 0xff000000];
const WORDS = ["", "text/plain", "wl_surface", "x".repeat(3000), "ÄÖÜ"];

/**
 * @param between  called after each message, with all clients that are connected
 * @returns how many clients were disconnected for what they did @throws AssertionError
 */
export function surviveMessages(
  seed: number,
  count: number,
  between: (screen: TestScreen, clients: readonly TestClient[]) => void = () => {},
  screen: TestScreen = new TestScreen(),
): number {
  const random = new SeededRandom(seed);
  const bystander = new TestWindow(new TestClient(screen), { width: 64, height: 48, pixel: 0xff123456 });
  const clients: FuzzClient[] = [];
  let ended = 0;
  for (let sent = 0; sent < count; sent++) {
    const at = random.below(CLIENTS);
    const client = (clients[at] ??= new FuzzClient(screen, random));
    client.act();
    if (random.below(20) === 0) disturb(screen, random);
    if (client.isOver) {
      if (client.client.isClosed) ended++;
      else client.client.disconnect();
      delete clients[at];
    }
    screen.collected.length = 0;
    between(screen, [bystander.client, ...clients.flatMap((each) => each?.client ?? [])]);
    if (sent % 100 === 0) {
      bystander.client.forget();
      for (const each of clients) each?.client.forget();
    }
  }
  for (const each of clients) each?.client.disconnect();
  assert.deepEqual(screen.defects, [], `seed ${seed}`);
  assert.equal(bystander.client.error, null, `seed ${seed}`);
  bystander.draw({ width: 64, height: 48, pixel: 0xff654321 });
  screen.frame();
  const { x, y } = screen.compositor.windows.at(-1)!;
  assert.equal(screen.compositor.windows.length, 1, `seed ${seed}`);
  if (x >= 0 && x < 64 && y >= 0 && y < 48) assert.equal(screen.pixel(x, y), "ff654321", `seed ${seed}`);
  return ended;
}

function disturb(screen: TestScreen, random: SeededRandom): void {
  const { compositor } = screen;
  const place = [random.below(64), random.below(48)] as const;
  switch (random.below(9)) {
    case 0:
      return compositor.movePointer(random.below(64), random.below(48));
    case 1:
      return compositor.button(0x110 + random.below(3), random.below(2) === 0);
    case 2:
      return compositor.key(random.below(128), random.below(2) === 0);
    case 3:
      return compositor.scroll(random.below(9) - 4, random.below(9) - 4);
    case 4:
      return compositor.touch(random.below(3), (["down", "move", "up", "cancel"] as const)[random.below(4)]!, ...place);
    case 5:
      return void (compositor.composeText("か") && compositor.commitText("\0ü".repeat(random.below(3000))));
    case 6:
      return void compositor.copyText("text");
    case 7:
      return compositor.readCopied(() => {});
    default:
      return screen.frame();
  }
}

class FuzzClient {
  readonly client: TestClient;
  readonly #random: SeededRandom;
  readonly #files: TestFile[] = [];
  #left = LIFE;

  constructor(screen: TestScreen, random: SeededRandom) {
    this.client = new TestClient(screen, true);
    this.#random = random;
    for (const name of this.client.globals.keys()) if (random.below(8) > 0) this.client.bind(name as InterfaceName);
    // Most mistakes lie behind a window that is there.
    if (random.below(2) === 0) new TestWindow(this.client, { width: 8, height: 8, pixel: 0xff00ff00 });
  }

  get isOver(): boolean {
    return this.client.isClosed || this.#left <= 0;
  }

  act(): void {
    this.#left--;
    const random = this.#random;
    if (random.below(500) === 0) return this.#garbage();
    if (random.below(60) === 0) return this.#drag();
    if (random.below(50) === 0 && this.#files.length > 0) {
      const file = this.#pick(this.#files);
      file.bytes = file.bytes.subarray(0, random.below(64));
    }
    for (const { object, values } of this.client.take("xdg_surface.configure"))
      if (random.below(4) > 0 && !this.client.isClosed) this.client.send(object, "ack_configure", values[0] as number);
    for (const { values } of this.client.take("wl_data_device.enter")) {
      const offer = values[4] as number;
      if (offer === 0 || this.client.isClosed || !this.client.objects.has(offer) || random.below(4) === 0) continue;
      this.client.send(offer, "accept", 1, "text/plain");
      if (!this.client.isClosed) this.client.send(offer, "set_actions", 1 + random.below(7), 0);
    }
    if (this.client.isClosed) return;
    const [id, type] = this.#pick([...this.client.objects].filter(([, { requests }]) => requests.length > 0));
    this.#request(id, type, random.below(type.requests.length));
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }

  #request(id: number, { requests }: Interface, opcode: number): void {
    const request = requests[opcode]!;
    const isHopeless =
      request.name === "bind" ||
      slotsOf(request.signature).some(
        ({ letter, isNullable }, index) => letter === "o" && !isNullable && this.#fitting(request, index).length === 0,
      );
    if (isHopeless && this.#random.below(20) > 0) return;
    // Destroying is a small part of life.
    if (request.isDestructor === true && this.#random.below(4) > 0) return;
    const files: TestFile[] = [];
    const values = slotsOf(request.signature).map((slot, index) => this.#value(request, slot, index, files));
    const writer = new MessageWriter();
    writer.add(id, opcode, { ...request, signature: request.signature.replaceAll(/[on]/g, "u") }, values);
    this.client.write(writer.take(), this.#random.below(100) === 0 ? [] : files);
  }

  #value(request: MessageType, { letter, isNullable }: Slot, index: number, files: TestFile[]): Value {
    const random = this.#random;
    switch (letter) {
      case "h": {
        const file = new TestFile(new Uint8Array(random.below(3) * 4096));
        files.push(file);
        this.#files.push(file);
        return file;
      }
      case "s":
        return this.#pick(WORDS);
      case "a":
        return new Uint8Array(random.below(16));
      case "n": {
        const wanted = request.types[index];
        return random.below(200) === 0
          ? random.below(64)
          : this.client.reserve((wanted ?? "wl_surface") as InterfaceName);
      }
      case "o": {
        const fitting = this.#fitting(request, index);
        if (random.below(500) === 0) return random.below(256);
        if (fitting.length === 0 || random.below(isNullable ? 8 : 500) === 0) return 0;
        return this.#pick(fitting);
      }
      case "f":
        return random.below(64) - 8;
      default:
        return random.below(40) === 0 ? this.#pick(NUMBERS) : random.below(random.below(2) === 0 ? 4 : 40);
    }
  }

  /** Objects that the argument may be. */
  #fitting({ types }: MessageType, index: number): number[] {
    const wanted = types[index] ?? null;
    return [...this.client.objects].filter(([, { name }]) => wanted === null || name === wanted).map(([id]) => id);
  }

  /** Chance alone hardly ever drags: the window on top is pressed, which may be another's. */
  #drag(): void {
    const { compositor } = this.client.screen;
    const of = (wanted: InterfaceName): number | null =>
      [...this.client.objects].findLast(([, { name }]) => name === wanted)?.[0] ?? null;
    const manager = of("wl_data_device_manager"),
      seat = of("wl_seat"),
      surface = of("wl_surface");
    const window = compositor.windows.at(-1);
    if (manager === null || seat === null || surface === null || window === undefined) return;
    const device = of("wl_data_device") ?? this.client.create("wl_data_device", manager, "get_data_device", seat);
    if (this.client.isClosed) return;
    const source = this.client.create("wl_data_source", manager, "create_data_source");
    if (this.client.isClosed) return;
    this.client.send(source, "offer", "text/plain");
    this.client.send(source, "set_actions", 1 + this.#random.below(7));
    compositor.button(0x110, false);
    compositor.movePointer(window.x + 1, window.y + 1);
    compositor.button(0x110, true);
    this.client.send(device, "start_drag", this.#random.below(8) === 0 ? 0 : source, surface, 0, 1);
    compositor.movePointer(this.#random.below(64), this.#random.below(48));
  }

  #garbage(): void {
    const bytes = new Uint8Array(4 + this.#random.below(64));
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.#random.below(256);
    this.client.write(bytes);
  }
}
