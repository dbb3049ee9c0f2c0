/** What a station says and hears of its link itself: whose addresses are whose, routers, and groups. */
export * from "./group-report.ts";
export * from "./neighbour-message.ts";
export * from "./router-advertisement.ts";
