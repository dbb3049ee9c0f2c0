/** What io_uring(7)'s calls do; pages load it when one is made first. */
export { enterInterrupted, enterRing, setupRing } from "./uring/setup.ts";
export { registerRing } from "./uring/register.ts";
