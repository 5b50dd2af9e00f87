export { echo as default } from './echo.mjs'
