/** What calls of asynchronous input and output do, by io_submit(2) and io_uring(7); pages load it when one is made. */
export { ioCancel, ioDestroy, ioGetEvents, ioGetEventsMasked, ioSetup, ioSubmit } from "./aio-requests.ts";
export { registerRing } from "./uring/register.ts";
export { enterInterrupted, enterRing, setupRing } from "./uring/setup.ts";
