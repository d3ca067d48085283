// What no page may ever do, whoever looks at it and wherever a journey goes.

// watched is a page whose every misdeed is told: an error on the console (the policy's
// refusals are errors there), an exception, a dialog, a request to somewhere else, a 5xx.
export async function watched(given, settings, say) {
  const context = await given.browser.newContext({ reducedMotion: 'reduce', ...settings })
  const page = await context.newPage()
  const at = what => say(`${new URL(page.url(), given.address).pathname}: ${what}`)
  page.on('console', m => {
    if (m.type() === 'error' && !expected.test(m.text())) at(`console: ${m.text()} ${m.location().url}`)
  })
  page.on('pageerror', e => at(`exception: ${e}`))
  page.on('dialog', d => {
    at(`dialog: ${d.message()}`)
    return d.dismiss()
  })
  context.on('request', r => {
    const to = new URL(r.url())
    if (to.protocol !== 'blob:' && to.origin !== new URL(given.address).origin) at(`asks ${to.origin} for something`)
  })
  context.on('response', r => {
    if (r.status() >= 500) say(`${r.request().method()} ${r.url()}: ${r.status()}`)
  })
  return page
}

// Chromium logs the status of a page that is refused, as a journey may want it to be; crawl.mjs
// looks at the status of each page itself.
const expected = /^Failed to load resource: the server responded with a status of 4\d\d/
