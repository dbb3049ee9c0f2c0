/**
 * What programs play, for the pages that hear it, and the volume of all, which programs and pages set.
 *
 *     server                                      page
 *     { volume, isMuted }: as it is now           { volume, isMuted }: as it is to be
 *     { playing: true }: there is something to    { hear: true }, { hear: false }
 *       hear, for a page that does not
 *     bytes: frames of two samples of 16 bits, at 48 kHz
 */
import { GuestSound, Hearer, PAGE_STORE_MS } from "@stratos/display";
import type { GuestUser, MachineSession } from "@stratos/session";
import { type AudioSink, encodeS16, VOLUME_NORM } from "@stratos/sound";
import type { PageSocket } from "./page-socket.ts";
import { parse } from "./terminal-socket.ts";

/** Bytes that wait for a page, a second and a half; more than that it does not hear. */
const BUFFERED_MAX = 1 << 18;

export class SoundSocket implements AudioSink {
  readonly latencyMs = PAGE_STORE_MS;
  readonly environment: Readonly<Record<string, string>>;
  readonly #sound: GuestSound;
  readonly #session: MachineSession;
  readonly #hearers = new Map<PageSocket, Hearer>();

  /** @throws SessionError */
  constructor(session: MachineSession, user: GuestUser) {
    this.#session = session;
    this.#sound = new GuestSound(session, user, { sink: this, onVolume: () => this.#tellVolume() });
    this.environment = Object.fromEntries(this.#sound.environment.map(({ name, value }) => [name, value]));
  }

  close(): void {
    for (const socket of this.#hearers.keys()) socket.close();
    this.#sound.close();
  }

  play(frames: Float32Array): void {
    let bytes: Uint8Array | null = null;
    for (const [socket, hearer] of this.#hearers) if (socket.isOpen) hearer.play(() => (bytes ??= encodeS16(frames)));
  }

  serve(socket: PageSocket): void {
    const hearer = new Hearer({
      send: (message) => socket.send(message),
      hasRoom: () => socket.bufferedAmount < BUFFERED_MAX,
    });
    this.#hearers.set(socket, hearer);
    socket.onMessage((message) => {
      if (typeof message === "string") this.#session.whenFree(() => this.#take(hearer, parse(message)));
    });
    socket.onClose(() => this.#hearers.delete(socket));
    socket.send(this.#volume);
  }

  #take(hearer: Hearer, { hear, volume, isMuted }: Readonly<Record<string, unknown>>): void {
    if (typeof hear === "boolean") hearer.ask(hear);
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
    for (const socket of this.#hearers.keys()) if (socket.isOpen) socket.send(this.#volume);
  }
}
