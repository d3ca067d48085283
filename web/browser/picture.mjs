// Keeps pictures of the main pages, and says where one differs from what was kept.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import pixelmatch from 'pixelmatch'
import { PNG } from 'pngjs'
import { watched } from './watch.mjs'

const kept = new URL('testdata/pictures/', import.meta.url)
const sizes = [{ width: 1280, height: 800 }, { width: 390, height: 844 }] // px
// Of the links that somebody finds, the first so many. The statement and history are not among
// them: what happened in the same moment stands in the order in which the sample was imported.
const most = { contact: 4, staff: 4, auditor: 1 }
const tolerated = 0.002 // of the pixels: what an edge's smoothing may differ by
const room = 2_000_000 // bytes of all that are kept

// pictures compares, or keeps. Of people who are signed in, the main pages are the first
// links of their rail; a page that is new needs a picture.
export async function pictures(given, out) {
  mkdirSync(kept, { recursive: true })
  const taken = new Map()
  await Promise.all(['anonymous', ...Object.keys(most)].map(who => take(given, who, taken, out)))
  if (given.update) {
    for (const name of readdirSync(kept)) rmSync(new URL(name, kept))
    for (const [name, png] of taken) writeFileSync(new URL(name, kept), png)
  } else {
    for (const [name, png] of taken) compare(given, name, png, out)
    for (const name of readdirSync(kept)) if (!taken.has(name)) out.wrong.push(`${name}: kept of a page that is gone`)
  }
  const all = readdirSync(kept).reduce((sum, name) => sum + readFileSync(new URL(name, kept)).length, 0)
  if (all > room) out.wrong.push(`${all} bytes of pictures, at most ${room}`)
  out.notes.push(`${taken.size} pictures, ${all} bytes`)
}

async function take(given, who, taken, out) {
  const page = await watched(given, { storageState: given.states[who], locale: 'en-GB', timezoneId: 'Europe/London', colorScheme: 'light' }, what => out.wrong.push(what))
  for (const path of await mainPages(given, page, who)) {
    for (const size of sizes) {
      await page.setViewportSize(size)
      await page.goto(given.address + path, { waitUntil: 'load' })
      await page.evaluate(still)
      const name = `${who}${path === '/' ? '-home' : path.replace(/[^a-z0-9]+/g, '-')}-${size.width}.png`
      taken.set(name, small(await page.screenshot({ animations: 'disabled', caret: 'hide' })))
    }
  }
  await page.context().close()
}

async function mainPages(given, page, who) {
  if (who === 'anonymous') return ['/login']
  await page.goto(given.address + '/')
  const paths = await page.evaluate(() => [...document.querySelectorAll('nav a[href]')].map(a => new URL(a.href).pathname))
  return [...new Set(['/', ...paths])].slice(0, most[who])
}

// still runs in the page: it waits for fonts, and makes the same of what changes from day to
// day and from one sample to the next.
async function still() {
  await document.fonts.ready
  for (const label of document.querySelectorAll('.chart text')) label.textContent = 'Mon' // months pass,
  for (const bar of document.querySelectorAll('.chart rect')) bar.setAttribute('height', 0) // and what was sold in them
  const changes = /\b(?<day>\d{1,2} (Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*( \d{4})?)\b|\b\d{4}-\d\d-\d\d\b|\b(?<time>\d{1,2}:\d\d(:\d\d)?)\b|\b(?<ago>\d[\d,]* (second|minute|hour|day|week|month|year)s?)\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g
  const same = (m, ...more) => {
    const { day, time, ago } = more.at(-1)
    return day ? '1 Jan 2030' : time ? '12:00' : ago ? '9 days' : m.replace(/\w/g, '0') // one day's name may be longer than the next one's
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let t; (t = texts.nextNode());) {
    t.data = t.parentElement.closest('time') ? '1 Jan 2030' : t.data.replace(changes, same)
  }
  for (const field of document.querySelectorAll('input[type=date]')) field.value = '2030-01-01'
}

// small drops what no eye sees, so that pictures take little room in the repository.
function small(shot) {
  const png = PNG.sync.read(shot)
  for (let i = 0; i < png.data.length; i++) png.data[i] = i % 4 === 3 ? 255 : Math.min(255, Math.round(png.data[i] / 8) * 8)
  return PNG.sync.write(png, { colorType: 2, deflateLevel: 9, filterType: -1 })
}

function compare(given, name, shot, out) {
  const where = new URL(name, kept)
  if (!existsSync(where)) return out.wrong.push(`${name}: no picture is kept: go test ./web/browser -update`)
  const was = PNG.sync.read(readFileSync(where)), is = PNG.sync.read(shot)
  if (was.width !== is.width || was.height !== is.height) return out.wrong.push(`${name}: another size`)
  const difference = new PNG({ width: was.width, height: was.height })
  const pixels = pixelmatch(was.data, is.data, difference.data, was.width, was.height, { threshold: 0.15 })
  if (pixels <= tolerated * was.width * was.height) return
  mkdirSync(given.found, { recursive: true })
  writeFileSync(`${given.found}/${name}`, shot)
  writeFileSync(`${given.found}/${name.replace('.png', '-difference.png')}`, PNG.sync.write(difference))
  out.wrong.push(`${name}: ${pixels} pixels differ; see ${given.found}. If it is right so: go test ./web/browser -update`)
}
