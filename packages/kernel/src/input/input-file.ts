import {
  ABS_MAX,
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  EAGAIN,
  EBUSY,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOSYS,
  EVIOC_NR_ABS,
  EVIOC_NR_BIT,
  EVIOC_NR_CLOCKID,
  EVIOC_NR_GRAB,
  EVIOC_NR_ID,
  EVIOC_NR_KEY,
  EVIOC_NR_LED,
  EVIOC_NR_NAME,
  EVIOC_NR_PHYS,
  EVIOC_NR_PROP,
  EVIOC_NR_REP,
  EVIOC_NR_REVOKE,
  EVIOC_NR_SND,
  EVIOC_NR_SW,
  EVIOC_NR_UNIQ,
  EVIOC_NR_VERSION,
  EVIOC_TYPE,
  EV_LED,
  EV_MAX,
  EV_REP,
  EV_SYN,
  EV_VERSION,
  INPUT_PROP_MAX,
  InputAbsinfo,
  InputEvent,
  InputId,
  KEY_MAX,
  LED_MAX,
  O_NONBLOCK,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  SND_MAX,
  SW_MAX,
} from "@stratos/abi";
import { byteStringOf, stateClass } from "@stratos/base";
import { putWhole, type IoCursor } from "../ground/io-cursor.ts";
import { sizeOfRequest } from "../ground/request-number.ts";
import { BLOCKED, type WaitQueue } from "../ground/wait-queue.ts";
import { put64, putFields } from "../ground/words.ts";
import type { Inode } from "../vfs/inode.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { CODE_MAX, type InputDevice, InputReader, type QueuedEvent } from "./input-device.ts";
import type { InputCaller } from "./input-kernel.ts";

const event = new Uint8Array(InputEvent.size);
const eventView = new DataView(event.buffer);
/** Sets of bits are told in words of so many bytes. */
const WORD = 8;

/** An open /dev/input/eventN. Source: drivers/input/evdev.c. */
export class InputFile extends OpenFile {
  readonly device: InputDevice;
  readonly reader = new InputReader();

  constructor(device: InputDevice, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.device = device;
    device.readers.add(this.reader);
  }

  override hasIterator(_isWrite: boolean): boolean {
    return false;
  }

  /** Whole events, as many as there is room for. −EINVAL: not even one fits; −ENODEV: it was revoked. */
  override read(task: InputCaller, to: IoCursor): number {
    const { queue, readable, isRevoked } = this.reader;
    if (to.remaining !== 0 && to.remaining < event.length) return -EINVAL;
    if (isRevoked) return -ENODEV;
    if (queue.length === 0) {
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      if (to.remaining === 0) return 0;
      task.waitOn(readable);
      return BLOCKED;
    }
    let done = 0;
    while (queue.length > 0 && to.remaining >= event.length) {
      putEvent(queue[0]!, this.reader.clock);
      const moved = putWhole(to, event, 0, event.length);
      queue.shift();
      // Those before it are lost, too (drivers/input/evdev.c, evdev_read).
      if (moved < 0) return moved;
      done += moved;
    }
    return done;
  }

  /** Lights that go on and off. */
  override write(_task: InputCaller, from: IoCursor): number {
    if (from.remaining !== 0 && from.remaining < event.length) return -EINVAL;
    if (this.reader.isRevoked) return -ENODEV;
    let done = 0;
    while (from.remaining >= event.length) {
      const moved = from.take(event, 0, event.length);
      if (moved < event.length) return done > 0 ? done : -EFAULT;
      done += moved;
      const { offset } = InputEvent;
      const type = eventView.getUint16(offset.type, true);
      if (type === EV_LED)
        this.device.emit(type, eventView.getUint16(offset.code, true), eventView.getInt32(offset.value, true));
      else if (type === EV_SYN) this.device.sync();
    }
    return done;
  }

  override poll(): number {
    const { isRevoked, queue } = this.reader;
    if (isRevoked) return POLLHUP | POLLERR;
    return POLLOUT | POLLWRNORM | (queue.length > 0 ? POLLIN | POLLRDNORM : 0);
  }

  override get waitQueue(): WaitQueue {
    return this.reader.readable;
  }

  override get asyncQueue(): WaitQueue {
    return this.reader.readable;
  }

  override ioctl(task: InputCaller, command: number, argument: number): number {
    if (this.reader.isRevoked) return -ENODEV;
    if (((command >>> 8) & 0xff) !== EVIOC_TYPE) return -EINVAL;
    const number = command & 0xff;
    const isWritten = command >>> 30 === 1;
    return isWritten ? this.#set(task, number, argument) : this.#get(task, number, sizeOfRequest(command), argument);
  }

  #set(task: InputCaller, number: number, argument: number): number {
    const { device, reader } = this;
    switch (number) {
      case EVIOC_NR_GRAB:
        if (argument === 0) {
          if (device.grabber !== reader) return -EINVAL;
          device.grabber = null;
          return 0;
        }
        if (device.grabber !== null) return -EBUSY;
        device.grabber = reader;
        return 0;
      case EVIOC_NR_REVOKE:
        if (argument !== 0) return -EINVAL;
        reader.isRevoked = true;
        device.remove(reader);
        reader.readable.wakeAll(POLLHUP | POLLERR);
        return 0;
      case EVIOC_NR_CLOCKID: {
        const clock = task.space.loadU32(argument);
        if (clock < 0) return clock;
        if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC && clock !== CLOCK_BOOTTIME) return -EINVAL;
        // What was noted by another clock is of no use.
        if (clock !== reader.clock) reader.queue.length = 0;
        reader.clock = clock;
        return 0;
      }
      case EVIOC_NR_REP: {
        if (!device.abilities.codes.has(EV_REP)) return -ENOSYS;
        const delay = task.space.loadU32(argument);
        const period = task.space.loadU32(argument + 4);
        if (delay < 0 || period < 0) return -EFAULT;
        device.repeatDelayMs = delay;
        device.repeatPeriodMs = period;
        return 0;
      }
      default:
        return -EINVAL;
    }
  }

  #get(task: InputCaller, number: number, size: number, argument: number): number {
    const { device } = this;
    const { abilities } = device;
    const { space } = task;
    const bits = (codes: Iterable<number>, most: number): number => putBytes(task, argument, size, bitsOf(codes, most));
    if (number >= EVIOC_NR_BIT && number <= EVIOC_NR_BIT + EV_MAX) {
      const type = number - EVIOC_NR_BIT;
      const most = CODE_MAX.get(type);
      if (most === undefined) return -EINVAL;
      return bits(type === EV_SYN ? [EV_SYN, ...abilities.codes.keys()] : (abilities.codes.get(type) ?? []), most);
    }
    if (number >= EVIOC_NR_ABS && number <= EVIOC_NR_ABS + ABS_MAX) {
      const axis = device.axes.get(number - EVIOC_NR_ABS);
      if (axis === undefined) return -EINVAL;
      const bytes = new Uint8Array(InputAbsinfo.size);
      putFields(new DataView(bytes.buffer), InputAbsinfo, { ...axis });
      return space.copyOut(argument, bytes, 0, Math.min(size, bytes.length));
    }
    switch (number) {
      case EVIOC_NR_VERSION:
        return space.storeU32(argument, EV_VERSION);
      case EVIOC_NR_ID: {
        const bytes = new Uint8Array(InputId.size);
        putFields(new DataView(bytes.buffer), InputId, device.id);
        return space.copyOut(argument, bytes, 0, bytes.length);
      }
      case EVIOC_NR_REP: {
        if (!abilities.codes.has(EV_REP)) return -ENOSYS;
        const failed = space.storeU32(argument, device.repeatDelayMs);
        return failed < 0 ? failed : space.storeU32(argument + 4, device.repeatPeriodMs);
      }
      case EVIOC_NR_NAME:
        return putBytes(task, argument, size, byteStringOf(`${device.name}\0`));
      case EVIOC_NR_PHYS:
      case EVIOC_NR_UNIQ:
        return -ENOENT;
      case EVIOC_NR_PROP:
        return bits(abilities.properties, INPUT_PROP_MAX);
      case EVIOC_NR_KEY:
        return bits(device.keysDown, KEY_MAX);
      case EVIOC_NR_LED:
        return bits(device.leds, LED_MAX);
      case EVIOC_NR_SND:
        return bits([], SND_MAX);
      case EVIOC_NR_SW:
        return bits([], SW_MAX);
      default:
        return -EINVAL;
    }
  }

  protected override dispose(): void {
    this.device.remove(this.reader);
  }

  static {
    stateClass("InputFile", this);
  }
}

/** As much as the caller takes. @returns so many bytes */
function putBytes(task: InputCaller, address: number, size: number, bytes: Uint8Array): number {
  const count = Math.min(size, bytes.length);
  const failed = task.space.copyOut(address, bytes, 0, count);
  return failed < 0 ? failed : count;
}

function bitsOf(codes: Iterable<number>, most: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((most + 1) / (8 * WORD)) * WORD);
  for (const code of codes) bytes[code >>> 3]! |= 1 << (code & 7);
  return bytes;
}

function putEvent({ timeNs, wallNs, type, code, value }: QueuedEvent, clock: number): void {
  const { offset } = InputEvent;
  const time = clock === CLOCK_REALTIME ? timeNs + wallNs : timeNs;
  put64(eventView, offset.tv_sec, Math.floor(time / 1e9));
  put64(eventView, offset.tv_usec, Math.floor((time % 1e9) / 1000));
  eventView.setUint16(offset.type, type, true);
  eventView.setUint16(offset.code, code, true);
  eventView.setInt32(offset.value, value, true);
}
