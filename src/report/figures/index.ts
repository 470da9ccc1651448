/** The kit of figures: data and alternative text in, a drawing for any width out. */
export { barChart, stackedBars } from './bar-chart.ts'
export { bucketed } from './buckets.ts'
export { dotPlot, type DotRow } from './dot-plot.ts'
export { heatMap } from './heat-map.ts'
export { lineChart, type LineSeries } from './line-chart.ts'
export { roofline, type RooflinePoint } from './roofline.ts'
export { scheduleTimeline } from './schedule-timeline.ts'
