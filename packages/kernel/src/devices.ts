/**
 * Devices that a machine has only when somebody asks for them: who has no use for a screen, as a tab with a terminal,
 * needn't load them.
 */
export { attachInput } from "./input/attach-input.ts";
export { attachScreen } from "./vt/attach-screen.ts";
