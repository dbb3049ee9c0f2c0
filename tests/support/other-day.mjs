/** Loaded before a program (`node --import`): its clock is ahead by the days that the environment says. */
const aheadMs = Number(process.env.STRATOS_TEST_DAYS_AHEAD ?? 0) * 86_400_000;
const RealDate = globalThis.Date;
globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + aheadMs);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + aheadMs;
  }
};
