export const steps = 'somebody is at home, signs out, and is asked to sign in where they were'
export const who = 'contact'

export async function walk(page, { check, press, given }) {
  check(await page.locator('h1').count() === 1, 'home has a heading')
  await press('/sign-out')
  await page.waitForURL('**/login')
  await page.goto(given.address + '/switch')
  check(new URL(page.url()).pathname === '/login', 'who has signed out is asked to sign in')
  check(new URL(page.url()).searchParams.get('next') === '/switch', 'and comes back')
}
