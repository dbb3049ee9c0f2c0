/** Notifications of programs (Desktop Notifications Specification 1.2): what they tell the person, and how it ended. */
import { flag, list, oneOf, record, text, whole } from "@stratos/base/value-check";
import type { Bus, HostService } from "../bus/bus.ts";
import type { HostObject } from "../bus/host-object.ts";
import type { Value, Variant } from "../wire/value-reader.ts";

const NAME = "org.freedesktop.Notifications";
const PATH = "/org/freedesktop/Notifications";
/** Characters of a title, a text, and an action's name; actions. What is longer is cut. */
const TEXT_MAX = 4096,
  ACTIONS_MAX = 16;
/** Notifications that are open at once; then the oldest one is over. */
const OPEN_MAX = 100;
const SPECIFICATION = "1.2";

export type Urgency = "low" | "normal" | "critical";

export interface ProgramNotification {
  readonly id: number;
  readonly application: string;
  readonly summary: string;
  readonly body: string;
  /** In the order of buttons; of `default` that one which a press on the whole means. */
  readonly actions: readonly { readonly key: string; readonly label: string }[];
  readonly urgency: Urgency;
  /** 0: until the person closes it; −1: as long as is usual. */
  readonly timeoutMs: number;
  /** It stays after an action. */
  readonly isResident: boolean;
}

/** How a notification ended, "NotificationClosed". */
export const EXPIRED = 1,
  DISMISSED = 2;
const CLOSED_BY_CALL = 3;

interface SavedNotifications {
  readonly last: number;
  readonly open: readonly ProgramNotification[];
}

const words = text(TEXT_MAX);
const areSavedNotifications = record({
  last: whole(0, 2 ** 48),
  open: list(
    record({
      id: whole(0, 2 ** 48),
      application: words,
      summary: words,
      body: words,
      actions: list(record({ key: text(1 << 22), label: words }), ACTIONS_MAX),
      urgency: oneOf("low", "normal", "critical"),
      timeoutMs: whole(-1, 2 ** 31),
      isResident: flag,
    }),
    OPEN_MAX,
  ),
});

interface NotificationPorts {
  readonly version: string;
  /** A new one, or one in the place of an earlier one of that number. */
  show(notification: ProgramNotification): void;
  /** The program takes it back. */
  withdraw(id: number): void;
}

export class Notifications {
  readonly #ports: NotificationPorts;
  readonly open = new Map<number, ProgramNotification>();
  readonly #service: HostService;
  #last = 0;

  constructor(bus: Bus, ports: NotificationPorts) {
    this.#ports = ports;
    this.#service = bus.serve(NAME, PATH, this.#object());
  }

  save(): SavedNotifications {
    return { last: this.#last, open: [...this.open.values()] };
  }

  /** Those that were open where the bus goes on from are. @returns false: they cannot have been so */
  goOn(saved: unknown): boolean {
    if (!areSavedNotifications(saved)) return false;
    const { last, open } = saved as SavedNotifications;
    this.#last = last;
    for (const notification of open) this.open.set(notification.id, notification);
    return true;
  }

  #object(): HostObject {
    return {
      [NAME]: {
        methods: {
          GetCapabilities: { takes: "", gives: "as", call: () => [["actions", "body", "persistence"]] },
          GetServerInformation: {
            takes: "",
            gives: "ssss",
            call: () => ["Stratos", "Stratos", this.#ports.version, SPECIFICATION],
          },
          Notify: { takes: "susssasa{sv}i", gives: "u", call: (values) => [this.#notify(values)] },
          CloseNotification: {
            takes: "u",
            gives: "",
            call: ([id]) => {
              if (this.closed(Number(id), CLOSED_BY_CALL)) this.#ports.withdraw(Number(id));
              return [];
            },
          },
        },
        signals: { NotificationClosed: "uu", ActionInvoked: "us" },
        properties: {},
      },
    };
  }

  #notify(values: readonly Value[]): number {
    const [application, replaces, , summary, body, actions, hints, timeoutMs] = values;
    const known = new Map(hints as readonly (readonly [string, Variant])[]);
    const flat = actions as readonly string[];
    const pairs = flat.flatMap((key, at) =>
      at % 2 === 0 && at + 1 < flat.length ? [[key, flat[at + 1]!] as const] : [],
    );
    const notification: ProgramNotification = {
      id: this.open.has(Number(replaces)) ? Number(replaces) : ++this.#last,
      application: String(application).slice(0, TEXT_MAX),
      summary: String(summary).slice(0, TEXT_MAX),
      body: String(body).slice(0, TEXT_MAX),
      actions: pairs.slice(0, ACTIONS_MAX).map(([key, label]) => ({ key, label: label.slice(0, TEXT_MAX) })),
      urgency: (["low", "normal", "critical"] as const)[Number(known.get("urgency")?.value)] ?? "normal",
      timeoutMs: Math.max(-1, Number(timeoutMs)),
      isResident: known.get("resident")?.value === true,
    };
    this.open.set(notification.id, notification);
    const [oldest] = this.open.keys();
    if (this.open.size > OPEN_MAX && this.closed(oldest!, EXPIRED)) this.#ports.withdraw(oldest!);
    this.#ports.show(notification);
    return notification.id;
  }

  /** @param reason  EXPIRED, DISMISSED … @returns whether it was open */
  closed(id: number, reason: number): boolean {
    if (!this.open.delete(id)) return false;
    this.#service.tell(NAME, "NotificationClosed", [id, reason]);
    return true;
  }

  /** The person has chosen. @returns whether there is such an action */
  invoked(id: number, key: string): boolean {
    const notification = this.open.get(id);
    if (notification?.actions.some((action) => action.key === key) !== true) return false;
    this.#service.tell(NAME, "ActionInvoked", [id, key]);
    if (!notification.isResident) this.closed(id, DISMISSED);
    return true;
  }
}
