// Follows every link that somebody finds, on a phone, and looks at each page.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { watched } from './watch.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const phone = { width: 390, height: 844 }, narrowest = { width: 320, height: 844 } // px

// A page of a kind shows what is wrong with that kind: of each, so many are opened, and so
// many more only asked for.
const opened = 1, asked = 1
const budget = { html: 60_000, css: 40_000, js: 40_000 } // bytes: HTML as it is, the others as sent, over the visit

// Where nobody is led who has not signed in: the way in, and all components in each shell.
const unlinked = ['/login', '/ui', '/ui?shell=staff', '/ui?shell=audit']
const absent = '/no-such-page' // is a page, too

// kind is what pages have in common that differ only in what they are about: the path without
// ids, and the names of parameters.
export function kind(url) {
  const path = url.pathname.split('/').map(s => /\d/.test(s) ? ':id' : s).join('/')
  const names = [...new Set(url.searchParams.keys())].sort()
  return path + (names.length ? '?' + names.join('&') : '')
}

// Addresses that answer no page: files, programs' answers, and the reading page of the API,
// which has a policy and a test of its own.
const noPage = /^\/(v1\/|docs|openapi|assets\/|brand\/)|\.(pdf|csv|ndjson|json|zip|ics|xml|txt)$/

export async function crawl(given, who, { seen, found }, out) {
  const wrong = new Set(), say = what => wrong.add(what)
  const page = await watched(given, { viewport: phone, storageState: given.states[who], acceptDownloads: true }, say)
  const weights = weigh(page.context())
  const starts = [...who === 'anonymous' ? unlinked : ['/'], absent].map(path => new URL(path, given.address))
  const waiting = starts.map(url => [url, 'the start']), known = new Set(starts.map(url => url.href)), counts = {}
  const led = (href, from) => {
    const to = new URL(href, from)
    to.hash = ''
    if (to.origin !== starts[0].origin || known.has(to.href)) return
    known.add(to.href)
    found.add(to.href)
    waiting.push([to, from])
  }
  if (who === 'anonymous') for (const href of found) known.has(href) || waiting.push([new URL(href), 'elsewhere'])
  while (waiting.length) {
    const [url, from] = waiting.shift(), k = kind(url)
    counts[k] = (counts[k] || 0) + 1
    if (counts[k] > opened + asked) continue
    const where = `${who} ${url.pathname}${url.search} (linked from ${from.pathname ?? from})`
    if (counts[k] > opened || noPage.test(url.pathname) || (who === 'anonymous' && from === 'elsewhere' && counts[k] > 1)) {
      await ask(page, url, where, who, say)
      continue
    }
    const links = await look(page, url, { who, where, seen, first: counts[k] === 1 }, say)
    for (const href of links) led(href, page.url())
  }
  for (const [type, most] of [['stylesheet', budget.css], ['script', budget.js]]) {
    if (weights[type] > most) say(`${who}: ${weights[type]} bytes of ${type} over the visit, at most ${most}`)
  }
  out.notes.push(`${known.size} addresses of ${Object.keys(counts).length} kinds, ${weights.stylesheet} bytes of style, ${weights.script} of script`, ...Object.entries(counts).map(([k, n]) => `${n} × ${k}`))
  out.wrong.push(...wrong)
  await page.context().close()
}

// weigh counts the bytes sent of styles and scripts, each once: the browser keeps them.
function weigh(context) {
  const all = { stylesheet: 0, script: 0 }, had = {}
  context.on('requestfinished', async r => {
    if (!(r.resourceType() in all)) return
    const sizes = await r.sizes().catch(() => null) // the context was closed
    const bytes = Math.max(0, sizes?.responseBodySize ?? 0), before = had[r.url()] ?? 0 // below 0: it was kept
    if (bytes > before) all[r.resourceType()] += bytes - before, had[r.url()] = bytes
  })
  return all
}

// ask is for what need not be seen: it is there, or for nobody who has not signed in.
async function ask(page, url, where, who, say) {
  const got = await page.context().request.get(url.href, { maxRedirects: 0 })
  const most = who === 'anonymous' ? 499 : 399
  if (got.status() > most) say(`${where}: ${got.status()}`)
  await got.dispose()
}

// look opens a page, and answers where it leads. The first of a kind is looked at closely.
async function look(page, url, { who, where, seen, first }, say) {
  let got
  try {
    got = await page.goto(url.href, { waitUntil: 'load' })
  } catch (e) {
    if (!/Download is starting|ERR_ABORTED/.test(String(e))) throw e
    await ask(page, url, where, who, say)
    return []
  }
  const html = (await got.body()).length
  const most = who === 'anonymous' ? 499 : url.pathname === absent ? 404 : 399
  if (got.status() > most) say(`${where}: ${got.status()}`)
  if (html >= budget.html) say(`${where}: ${html} bytes of HTML, under ${budget.html}`)
  const is = await page.evaluate(shape)
  if (!is.title.trim()) say(`${where}: no title`)
  const heads = url.pathname === '/ui' ? 1 : is.h1 // that page shows how a head looks
  if (heads !== 1 || is.main !== 1) say(`${where}: ${is.h1} h1 and ${is.main} main, one of each`)
  for (const what of is.foreign) say(`${where}: came out of what somebody typed: ${what}`)
  if (!first) return is.links
  await page.setViewportSize(narrowest)
  const wide = await page.evaluate(widest)
  if (wide) say(`${where}: ${wide.width} px wide on 320 px, by ${wide.by}`)
  await page.setViewportSize(phone)
  const sheet = `${who === 'auditor' ? 'staff' : who} ${kind(new URL(page.url()))}`
  if (!seen.has(sheet)) {
    seen.add(sheet)
    await hear(page, 'light', where, say)
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.reload() // colours that fade would be half of the other scheme's
    await hear(page, 'dark', where, say)
    await page.emulateMedia({ colorScheme: 'light' })
  }
  return is.links
}

// shape runs in the page.
function shape() {
  const count = what => document.querySelectorAll(what).length
  return {
    title: document.title, h1: count('h1'), main: count('main'),
    links: [...document.querySelectorAll('a[href]')].filter(a => /^https?:$/.test(a.protocol)).map(a => a.href),
    foreign: [...document.querySelectorAll('img[src="x"], [onerror], [onload], script:not([src]), a[href^="javascript:"]')].map(e => e.outerHTML.slice(0, 100)),
  }
}

// widest runs in the page: what makes it scroll sideways, if anything does.
function widest() {
  const root = document.documentElement
  if (root.scrollWidth <= root.clientWidth) return null
  const by = [...document.querySelectorAll('body *')].find(e => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.querySelector('*'))
  return { width: root.scrollWidth, by: by ? by.outerHTML.slice(0, 120) : 'something' }
}

// hear is what axe has to say that is serious, or worse.
// In dark only colours are others.
async function hear(page, colorScheme, where, say) {
  if (!await page.evaluate('!!window.axe')) await page.evaluate(axe + ';0')
  const only = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {}
  const { violations } = await page.evaluate(only => window.axe.run(document, { resultTypes: ['violations'], ...only }), only)
  for (const v of violations) {
    if (v.impact === 'serious' || v.impact === 'critical') {
      say(`${where} (${colorScheme}): ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`)
    }
  }
}
