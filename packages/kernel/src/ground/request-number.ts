/** Numbers of ioctl(2)'s requests, which hold the size of what they carry (Linux include/uapi/asm-generic/ioctl.h). */

/** Where the size stands: of requests whose structure grows with Linux's versions, the rest is compared. */
export const IOC_SIZE_MASK = 0x3fff0000;

/** Whether it is read or written. */
export const IOC_DIRECTION_MASK = 0xc0000000;

/** In bytes, below 2^14. */
export function sizeOfRequest(request: number): number {
  return (request & IOC_SIZE_MASK) >>> 16;
}
