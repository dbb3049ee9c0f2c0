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
import { type AudioSink, SoundServer, type Transport } from "@stratos/sound";

interface SoundOptions {
  /** Null: nobody hears it. */
  readonly sink: AudioSink | null;
  /** The volume of all was changed. */
  onVolume?(): void;
}

export class GuestSound {
  readonly server: SoundServer;
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
    const timer = session.hostTimer(() => this.server.step());
    this.#cancel = () => timer.cancel();
    const server = new SoundServer(
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
    this.server = server;
    const owner = { uid: user.uid, gid: user.gid, mode: 0o700 };
    this.#listener = session.hostListener(path, owner, (client) => {
      const events = server.connect(transportOf(client));
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

  close(): void {
    this.#cancel();
    this.#listener.close();
    this.server.close();
  }
}

function transportOf(client: GuestClient): Transport {
  return { send: (bytes) => client.send(bytes), close: () => client.close() };
}
