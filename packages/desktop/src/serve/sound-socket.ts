/**
 * What programs play, for the pages that hear it, and the volume of all, which programs and pages set.
 *
 *     server                                      page
 *     { volume, isMuted }: as it is now           { volume, isMuted }: as it is to be
 *     { playing: true }: there is something to    { hear: true }, { hear: false }
 *       hear, for a page that does not
 *     bytes: frames of two samples of 16 bits, at 48 kHz
 */
import { GuestSound } from "@stratos/display";
import type { GuestUser, MachineSession } from "@stratos/session";
import { type AudioSink, encodeS16, VOLUME_NORM } from "@stratos/sound";
import type { PageSocket } from "./page-socket.ts";
import { parse } from "./terminal-socket.ts";

/** Bytes that wait for a page, a second and a half; more than that it does not hear. */
const BUFFERED_MAX = 1 << 18;
/** What a page has in store, so that it hears nothing of short delays. */
const STORE_MS = 100;

interface Hearer {
  readonly socket: PageSocket;
  hears: boolean;
  isTold: boolean;
}

export class SoundSocket implements AudioSink {
  readonly latencyMs = STORE_MS;
  readonly environment: Readonly<Record<string, string>>;
  readonly #sound: GuestSound;
  readonly #session: MachineSession;
  readonly #hearers = new Set<Hearer>();

  /** @throws SessionError */
  constructor(session: MachineSession, user: GuestUser) {
    this.#session = session;
    this.#sound = new GuestSound(session, user, { sink: this, onVolume: () => this.#tellVolume() });
    this.environment = Object.fromEntries(this.#sound.environment.map(({ name, value }) => [name, value]));
  }

  close(): void {
    for (const { socket } of this.#hearers) socket.close();
    this.#sound.close();
  }

  play(frames: Float32Array): void {
    let bytes: Uint8Array | null = null;
    for (const hearer of this.#hearers) {
      const { socket, hears, isTold } = hearer;
      if (!socket.isOpen) continue;
      if (hears) {
        if (socket.bufferedAmount < BUFFERED_MAX) socket.send((bytes ??= encodeS16(frames)));
      } else if (!isTold) {
        hearer.isTold = true;
        socket.send(JSON.stringify({ playing: true }));
      }
    }
  }

  serve(socket: PageSocket): void {
    const hearer: Hearer = { socket, hears: false, isTold: false };
    this.#hearers.add(hearer);
    socket.onMessage((message) => {
      if (typeof message === "string") this.#session.whenFree(() => this.#take(hearer, parse(message)));
    });
    socket.onClose(() => this.#hearers.delete(hearer));
    socket.send(this.#volume);
  }

  #take(hearer: Hearer, { hear, volume, isMuted }: Readonly<Record<string, unknown>>): void {
    if (typeof hear === "boolean") {
      hearer.hears = hear;
      // It is told again when there is something.
      hearer.isTold = false;
    }
    const isPart = typeof volume === "number" && volume >= 0 && volume <= 1;
    if (!isPart && typeof isMuted !== "boolean") return;
    const wanted = isPart ? [volume, volume].map((part) => Math.round(part * VOLUME_NORM)) : this.#sound.volumes;
    this.#sound.server.setVolume(wanted, typeof isMuted === "boolean" ? isMuted : this.#sound.isMuted);
  }

  /** Of both sides the louder; above what is normal a program has made it. */
  get #volume(): string {
    const { volumes, isMuted } = this.#sound;
    return JSON.stringify({ volume: Math.max(...volumes) / VOLUME_NORM, isMuted });
  }

  #tellVolume(): void {
    for (const { socket } of this.#hearers) if (socket.isOpen) socket.send(this.#volume);
  }
}
