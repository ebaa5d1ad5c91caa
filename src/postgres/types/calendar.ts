/** The proleptic Gregorian calendar, in days since 2000-01-01 (utils/adt/datetime.c, j2date and date2j). */

/** Days from 0000-03-01 to 2000-01-01. */
const EPOCH_DAYS = 730_425;
/** Days in 400 years. */
const ERA_DAYS = 146_097;

/** What toCivil() found last; one object, because it is called for each value. The year 0 is 1 BC. */
export const civil = { year: 0, month: 0, day: 0 };

export function toCivil(sinceEpoch: number): void {
  // Years that begin in March have their leap day at the end, and every 400 of them are alike.
  const days = sinceEpoch + EPOCH_DAYS;
  const era = Math.floor(days / ERA_DAYS);
  const ofEra = days - era * ERA_DAYS;
  const yearOfEra =
    ((ofEra - ((ofEra / 1460) | 0) + ((ofEra / 36_524) | 0) - ((ofEra / 146_096) | 0)) / 365) | 0;
  const ofYear = ofEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  // March is 0. From March on, the lengths of the months repeat every five months: 153 days.
  const month = ((5 * ofYear + 2) / 153) | 0;
  const isNextYear = month >= 10;
  civil.year = yearOfEra + era * 400 + (isNextYear ? 1 : 0);
  civil.month = isNextYear ? month - 9 : month + 3;
  civil.day = ofYear - (((153 * month + 2) / 5) | 0) + 1;
}

/** Undefined: there is no such day. */
export function daysOf(year: number, month: number, day: number): number | undefined {
  const fromMarch = (month + 9) % 12;
  const yearOfMarch = month < 3 ? year - 1 : year;
  const era = Math.floor(yearOfMarch / 400);
  const ofEra = yearOfMarch - era * 400;
  const leaps = (ofEra >> 2) - ((ofEra / 100) | 0);
  const ofYear = (((153 * fromMarch + 2) / 5) | 0) + day - 1;
  const days = era * ERA_DAYS + ofEra * 365 + leaps + ofYear - EPOCH_DAYS;
  toCivil(days);
  return civil.year === year && civil.month === month && civil.day === day ? days : undefined;
}
