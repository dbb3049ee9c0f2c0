export { parsePlace, type ServicePlace } from "./rest/service-client.ts";
export { surroundingsOf } from "./surroundings.ts";
export { runSystemsTui } from "./systems/systems-app.ts";
export { terminalLack } from "./terminal/terminal.ts";
export { runVolumesTui } from "./volumes/volumes-app.ts";
