/** A desktop before its machine, whoever carries what its page asks. */
import type { ProgramNotification } from "@stratos/dbus";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import { DesktopPrograms, type KeptPrograms } from "../machine/desktop-programs.ts";
import { GuestBus, type ShownTrayItem } from "../machine/guest-bus.ts";
import type { DesktopParts } from "./desktop-routes.ts";
import { DesktopState, type KeptSettings } from "./desktop-state.ts";
import { DisplaySocket } from "./display-socket.ts";
import { MachinePower } from "./machine-power.ts";
import { SoundSocket } from "./sound-socket.ts";

export interface RunningDesktop extends DesktopParts {
  /** Null: programs have none, as the machine is another process's. */
  readonly display: DisplaySocket | null;
  /** Null, as `display`. */
  readonly sound: SoundSocket | null;
  /** For a desktop that goes on where this one's machine was kept. */
  keep(): KeptDesktop;
  close(): void;
}

/** What is a desktop's own, beside its machine and its settings. */
export interface KeptDesktop {
  readonly layout: object;
  readonly programs: KeptPrograms;
  readonly isSuspended: boolean;
}

/** One of several of a machine. */
interface DesktopOfMany {
  /** Which of them. */
  readonly number: number;
  /** The machine's, which all have in common. */
  readonly power: MachinePower;
  /** The person wants to see another's. @throws Refusal */
  readonly onSwitch: (user: string) => void;
}

interface DesktopListeners {
  /** The person has ended the desktop. */
  readonly onEnd: () => void;
  /** A defect of ours. */
  readonly onDefect: (words: string) => void;
  /** What goes wrong with windows, in words for people. */
  readonly tell: (problem: string) => void;
}

/** @param left  what it goes on from, in a machine that does. @throws SessionError, StratosError */
export function runDesktop(
  machine: DesktopMachine,
  kept: KeptSettings,
  { onEnd, onDefect, tell }: DesktopListeners,
  left: KeptDesktop | null = null,
  ofMany: DesktopOfMany | null = null,
): RunningDesktop {
  const state = new DesktopState(kept);
  const { session, user } = machine;
  const programs = new DesktopPrograms(machine);
  const power = ofMany?.power ?? new MachinePower(machine, () => programs.shells);
  const number = ofMany?.number ?? 0;
  const notifications = (): readonly ProgramNotification[] => bus?.open ?? [];
  const tray = (): readonly ShownTrayItem[] => bus?.trayItems ?? [];
  const { layout } = kept.settings;
  const display =
    session === null
      ? null
      : new DisplaySocket(session, user, {
          ...{ layout, xDisplay: number, tell, notifications, tray },
        });
  const bus = session === null ? null : new GuestBus(session, user, programs, (message) => display?.send(message));
  const sound = session === null ? null : new SoundSocket(session, user);
  session?.endServices();
  programs.environment = { ...display?.environment, ...bus?.environment, ...sound?.environment };
  state.watch({ settingsChanged: () => display?.setLayout(kept.settings.layout) });
  if (left !== null) {
    state.layout = left.layout;
    programs.goOn(left.programs);
    if (left.isSuspended) void power.suspend();
  }
  return {
    ...{ number, machine, programs, bus, display, sound, state, power, onEnd, onDefect },
    maintenance: null,
    onSwitch: ofMany?.onSwitch ?? null,
    keep: () => ({ layout: state.layout, programs: programs.keep(), isSuspended: power.isSuspended }),
    close() {
      display?.close();
      bus?.close();
      sound?.close();
    },
  };
}
