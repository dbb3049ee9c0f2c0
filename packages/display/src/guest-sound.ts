/** Sound for the programs of a machine: PulseAudio's socket in the guest, and what they play mixed here. */
import { byteStringToUtf8 } from "@stratos/base";
import { VERSION } from "@stratos/sdk/version";
import {
  type EnvironmentSetting,
  type GuestClient,
  type GuestListener,
  type GuestUser,
  HOSTNAME,
  type MachineSession,
  makeRuntimeFolder,
} from "@stratos/session";
import { type AudioSink, type SoundServer, type Transport, VOLUME_NORM } from "@stratos/sound";
import { makeSoundServer } from "./make-sound-server.ts";

interface SoundOptions {
  /** Null: nobody hears it. */
  readonly sink: AudioSink | null;
  /** The volume of all was changed. */
  onVolume?(): void;
}

export class GuestSound {
  /** Null: nobody has asked for anything. */
  #server: SoundServer | null = null;
  readonly #makeServer: () => SoundServer;
  /** What programs need to find it. */
  readonly environment: readonly EnvironmentSetting[];
  readonly #listener: GuestListener;
  readonly #cancel: () => void;

  /**
   * A machine that is saved has no sound where it goes on: its programs read ECONNRESET.
   *
   * @throws SessionError when the socket cannot be made
   */
  constructor(session: MachineSession, user: GuestUser, { sink, onVolume }: SoundOptions) {
    const { kernel } = session.machine;
    const path = `${makeRuntimeFolder(kernel, user, "pulse")}/native`;
    const timer = session.hostTimer(() => this.#server?.step());
    this.#cancel = () => timer.cancel();
    this.#makeServer = () =>
      makeSoundServer(
        {
          version: VERSION,
          userName: user.name,
          hostName: HOSTNAME,
          nowNs: () => kernel.now(),
          timeOfDay: () => {
            const { seconds, nanoseconds } = kernel.realtime();
            return [seconds, Math.floor(nanoseconds / 1000)];
          },
          callAt: (ns) => timer.set(ns),
          onVolume: () => onVolume?.(),
        },
        sink,
      );
    const owner = { uid: user.uid, gid: user.gid, mode: 0o700 };
    this.#listener = session.hostListener(path, owner, (client) => {
      const events = this.server.connect(transportOf(client));
      client.serve({
        onData: (bytes, files) => {
          // Nobody has agreed to share memory.
          for (const file of files) client.release(file);
          events.onData(bytes);
        },
        onEnd: () => events.onEnd(),
      });
    });
    this.environment = [{ name: "PULSE_SERVER", value: `unix:${byteStringToUtf8(path)}` }];
  }

  get server(): SoundServer {
    return (this.#server ??= this.#makeServer());
  }

  /** Of all, for each channel. */
  get volumes(): readonly number[] {
    return this.#server?.volumes ?? [VOLUME_NORM, VOLUME_NORM];
  }

  get isMuted(): boolean {
    return this.#server?.isMuted === true;
  }

  close(): void {
    this.#cancel();
    this.#listener.close();
    this.#server?.close();
  }
}

function transportOf(client: GuestClient): Transport {
  return { send: (bytes) => client.send(bytes), close: () => client.close() };
}
