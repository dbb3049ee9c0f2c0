/** A D-Bus message bus, and services of the host on it; see ARCHITECTURE.md. */
export { guidOf } from "./bus/saved-bus.ts";
export { Bus, type BusPorts } from "./bus/bus.ts";
export type { Transport, TransportEvents } from "./bus/connection.ts";
export { Tray, type TrayItem } from "./services/tray.ts";
export type { MenuNode } from "./services/tray-menu.ts";
export { DISMISSED, EXPIRED, Notifications, type ProgramNotification, type Urgency } from "./services/notifications.ts";
