/** What a publication is called that nobody has named: by hints, and by tail --bootstrap. */
export const SUGGESTED_NAME = "walctl";
