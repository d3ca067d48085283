export const steps = 'a contact adds a passkey, signs out, is told that it was not used, and signs in with it'
export const who = 'contact'

export async function walk(page, { check, press, given }) {
  await page.goto(given.address + '/security/passkey')
  const form = page.locator('form[data-passkey]')
  if (!await page.evaluate(() => true).catch(() => false) || !await form.isVisible()) {
    check(await page.locator('[data-no-passkey]').isVisible(), 'who has no script is told why there is no form')
    return
  }
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  } })
  const name = `walked ${Math.random()}`
  await form.locator('input[name=name]').fill(name)
  await form.locator('button[type=submit]').click()
  const codes = page.locator('#codes') // with the first factor only
  await Promise.race([codes.waitFor(), page.waitForURL(/\/security(\?|$)/)])
  if (await codes.isVisible()) check(await codes.locator('li').count() >= 8, 'recovery codes are shown')
  await page.goto(given.address + '/security')
  check((await page.locator('main').innerText()).includes(name), 'the passkey is listed by its name')

  await press('/sign-out')
  await page.waitForURL('**/login')
  const button = page.locator('[data-passkey-go]')
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  await button.click()
  await page.locator('[data-says]').filter({ hasText: /\S/ }).waitFor()
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
  await button.click()
  await page.waitForURL(u => u.pathname !== '/login')
  await page.goto(given.address + '/security')
  check(new URL(page.url()).pathname === '/security', 'the passkey signed in')
}
