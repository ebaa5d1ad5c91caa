/**
 * For pg, which finds out while it is loaded whether it runs at Cloudflare: where there is no navigator, as in Node.js 20,
 * it makes a Response, and what Node.js loads for that takes longer than to load pg. To be imported before it.
 */
if (!("navigator" in globalThis)) {
  Object.defineProperty(globalThis, "navigator", {
    value: { userAgent: "Node.js" },
    configurable: true,
  });
}
