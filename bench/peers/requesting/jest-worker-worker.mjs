export { echo } from './echo.mjs'
