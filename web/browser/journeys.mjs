// Walks what people come for from end to end, wide and narrow, with script and without. A
// journey is a file of journeys/, which exports
//   who    as whom it begins: contact, staff, auditor, or nobody (left out)
//   walk   async (page, { given, script, check, open, press }): it throws, or checks, what is not so
//   steps  words for what it walks
import { readdirSync } from 'node:fs'
import { watched } from './watch.mjs'

const ways = [
  { width: 1280, height: 800, script: true }, { width: 1280, height: 800, script: false },
  { width: 390, height: 844, script: true }, { width: 390, height: 844, script: false },
]

export async function journeys(given, told) {
  const files = readdirSync(new URL('journeys/', import.meta.url)).sort()
  await told('journeys', async out => out.notes.push(`${files.length} journeys, ${ways.length} ways each`))
  for (const file of files) {
    const { steps, who, walk } = await import('./journeys/' + file)
    for (const way of ways) {
      await told(`journeys/${file.replace('.mjs', '')}/${way.width}${way.script ? '' : '/without script'}`, async out => {
        out.notes.push(steps)
        await travel(given, who, way, walk, out)
      })
    }
  }
}

async function travel(given, who, { width, height, script }, walk, out) {
  // Each has a session of its own: some end it.
  const page = await watched(given, { viewport: { width, height }, javaScriptEnabled: script, locale: 'en-GB', acceptDownloads: true }, what => out.wrong.push(what))
  page.setDefaultTimeout(10_000)
  if (who) await page.goto(given.ways[who])
  try {
    await walk(page, { script, ...hands(page, given, out) })
  } catch (e) {
    const seen = await page.locator('body').innerText().catch(() => '')
    throw new Error(`at ${page.url()}: ${e.message}\n${seen.slice(0, 600)}`)
  } finally {
    await page.context().close()
  }
}

// hands are what journeys do again and again.
function hands(page, given, out) {
  return {
    given,
    check: (so, what) => so || out.wrong.push(`${new URL(page.url()).pathname}: not so: ${what}`),
    // open goes by a link that somebody sees: of the rail, the tabs of a phone, or the page.
    open: async path => {
      const links = page.locator(`a[href="${path}"], a[href^="${path}?"]`).filter({ visible: true })
      if (await links.count()) return links.first().click()
      await page.locator('details > summary').filter({ visible: true }).last().click() // their menu
      return links.first().click()
    },
    // press sends a form by its button, opening the menu that it is in.
    press: async action => {
      const button = page.locator(`form[action="${action}"] button`)
      if (!await button.filter({ visible: true }).count()) {
        await page.locator('details').filter({ has: button }).locator('summary').filter({ visible: true }).first().click()
      }
      return button.filter({ visible: true }).first().click()
    },
  }
}
