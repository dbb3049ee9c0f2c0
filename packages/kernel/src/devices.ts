/**
 * Devices that a machine has only when somebody asks for them: who has no use for a screen, as a tab with a terminal,
 * needn't load them.
 */
export { attachScreen } from "./graphics/attach-screen.ts";
export { attachInput } from "./input/attach-input.ts";
