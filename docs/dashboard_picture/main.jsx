// One Grafana dashboard in its classic JSON, drawn by Grafana's front-end libraries with the answers of a Prometheus.
//
// The page around it sets window.PROMETHEUS, window.DASHBOARD and window.LOCALE. Every query that was answered is listed
// in window.answeredQueries. What Grafana's application adds to its libraries (registries, services, the panels' plug-ins,
// reading the classic JSON) is replaced here; looks, units, thresholds, transformations and links are Grafana's own.
// Modules are required, not imported: a module loaded in both ways would give two singletons.

require('@fontsource/inter/400.css');
require('@fontsource/inter/500.css');
const React = require('react');
const { createRoot } = require('react-dom/client');
const { MemoryRouter } = require('react-router-dom');
const { from, map, of } = require('rxjs');
const data = require('@grafana/data');
const i18n = require('@grafana/i18n');
const runtime = require('@grafana/runtime');
const scenes = require('@grafana/scenes');
const ui = require('@grafana/ui');

const element = React.createElement;
const theme = data.createTheme({ colors: { mode: 'light' } });
window.answeredQueries = [];

// ------------------------------------------------------------------------------------- what the application registers

const property = (id, process, defaultValue) => ({
  id, path: id, name: id, process, override: process, defaultValue,
  editor: () => null, shouldApply: () => true, getItemsCount: () => 0, settings: {},
});
data.standardFieldConfigEditorRegistry.setInit(() => [
  property('unit', data.unitOverrideProcessor),
  property('min', data.numberOverrideProcessor),
  property('max', data.numberOverrideProcessor),
  property('decimals', data.numberOverrideProcessor),
  property('displayName', data.displayNameOverrideProcessor),
  property('noValue', data.stringOverrideProcessor),
  property('color', data.identityOverrideProcessor, { mode: 'thresholds' }),
  property('thresholds', data.thresholdsOverrideProcessor, { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }] }),
  property('mappings', data.valueMappingsOverrideProcessor, []),
  property('links', data.dataLinksOverrideProcessor),
]);
data.standardTransformersRegistry.setInit(() => {
  const byId = new Map(Object.values(data.standardTransformers).map((transformation) => [transformation.id, transformation]));
  return [...byId.values()].map((transformation) => ({ id: transformation.id, name: transformation.name, transformation, editor: () => null }));
});

// --------------------------------------------------------------------------------------------------------- Prometheus

async function ask(path, parameters) {
  const answer = await (await fetch(`${window.PROMETHEUS}/api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
  if (answer.status !== 'success') {
    throw new Error(`${answer.error}: ${parameters.query}`);
  }
  return answer.data;
}

const several = (value) => (Array.isArray(value) ? value.join('|') : value);
const seriesName = (labels, legend) => legend.replace(/{{\s*(\w+)\s*}}/g, (_, name) => labels[name] ?? '');

async function answers(target, range, scopedVars) {
  const [start, end] = [range.from, range.to].map((instant) => instant.valueOf() / 1000);
  const step = Math.max(60, Math.ceil((end - start) / 800 / 60) * 60);
  const query = scenes.sceneGraph.interpolate(window.scene, target.expr, scopedVars, several);
  const answer = target.range ? await ask('query_range', { query, start, end, step }) : await ask('query', { query, time: end });
  window.answeredQueries.push({ expr: query, series: answer.result.length });
  return target.format === 'table' ? [rows(target.refId, answer.result)] : answer.result.map((series) => line(target, series));
}

function line(target, { metric, values, value }) {
  const samples = values ?? [value];
  const displayNameFromDS = seriesName(metric, target.legendFormat);
  return data.toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: 'time', config: {}, values: samples.map(([at]) => at * 1000) },
      { name: 'Value', type: 'number', labels: metric, config: { displayNameFromDS }, values: samples.map(([, number]) => Number(number)) },
    ],
  });
}

function rows(refId, result) {
  const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].filter((name) => name !== '__name__');
  return data.toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: 'time', config: {}, values: result.map((series) => series.value[0] * 1000) },
      ...labels.map((name) => ({ name, type: 'string', config: {}, values: result.map((series) => series.metric[name] ?? '') })),
      { name: `Value #${refId}`, type: 'number', config: {}, values: result.map((series) => Number(series.value[1])) },
    ],
  });
}

class Prometheus extends scenes.RuntimeDataSource {
  query(request) {
    const pending = request.targets.map((target) => answers(target, request.range, request.scopedVars));
    return from(Promise.all(pending).then((frames) => ({ data: frames.flat() })));
  }

  async metricFindQuery({ query }) {
    const [, series, label] = /label_values\((\w+), (\w+)\)/.exec(query);
    return (await ask(`label/${label}/values`, { 'match[]': series })).map((text) => ({ text }));
  }
}

// ------------------------------------------------------------------------------------------- the application's services

const source = new Prometheus('prometheus', 'prometheus');
const settings = {
  id: 1, uid: 'prometheus', type: 'prometheus', name: 'Prometheus', jsonData: {},
  meta: { id: 'prometheus', name: 'Prometheus', info: { logos: {} } },
};
source.meta = settings.meta;
Object.assign(runtime.config, {
  theme2: theme,
  bootData: {
    user: { timezone: 'browser', weekStart: 'monday', orgRole: 'Viewer', locale: window.LOCALE, language: window.LOCALE },
    settings: {},
    navTree: [],
  },
});
runtime.setDataSourceSrv({
  get: async () => source, getList: () => [settings], getInstanceSettings: () => settings, reload() {}, registerRuntimeDataSource() {},
});
runtime.setRunRequest((dataSource, request) => dataSource.query(request).pipe(
  map((answer) => ({ state: 'Done', series: answer.data, annotations: [], timeRange: request.range, request })),
));
runtime.setAppEvents(new data.EventBusSrv());
runtime.setEchoSrv({ addEvent() {}, addBackend() {}, flush() {} });
runtime.setTemplateSrv({ getVariables: () => [], replace: (text) => text });
runtime.setBackendSrv({ get: async () => ({}), fetch: () => of({ data: {} }) });
runtime.setPluginImportUtils({
  importPanelPlugin: async () => { throw new Error('a panel of a kind that is not registered here'); },
  getPanelPluginFromCache: () => undefined,
});

// ------------------------------------------------------------------------------------------------------------- panels

const values = (props) => data.getFieldDisplayValues({
  data: props.data.series, fieldConfig: props.fieldConfig, reduceOptions: props.options.reduceOptions,
  replaceVariables: props.replaceVariables, timeZone: props.timeZone, theme,
});

const Repeated = ({ props, draw, ...more }) => element(ui.VizRepeater, {
  source: props.data, getValues: () => values(props), getAlignmentFactors: data.getDisplayValueAlignmentFactors,
  width: props.width, height: props.height, renderCounter: 0,
  renderValue: (repeated) => draw({ ...repeated, value: repeated.value.display, field: repeated.value.field, theme }), ...more,
});

const Stat = (props) => element(Repeated, {
  props, orientation: 'auto', autoGrid: true,
  draw: (repeated) => element(ui.BigValue, { ...repeated, ...props.options }),
});

const Bars = (props) => element(Repeated, {
  props, ...props.options, itemSpacing: 8,
  draw: (repeated) => element(ui.BarGauge, { ...repeated, ...props.options, valueDisplayMode: props.options.valueMode, itemSpacing: 8, lcdCellWidth: 12 }),
});

const Lines = (props) => element(ui.TimeSeries, {
  frames: props.data.series, structureRev: 1, timeRange: props.timeRange, timeZone: 'browser',
  width: props.width, height: props.height, legend: props.options.legend, options: props.options,
});

const Cells = (props) => props.data.series[0] && element(ui.Table, {
  data: props.data.series[0], width: props.width, height: props.height, cellHeight: props.options.cellHeight,
  initialSortBy: props.options.sortBy, timeRange: props.timeRange, resizable: false,
});

// Each property of a panel's own has to be known before a dashboard may set it.
function register(pluginId, component, own = {}, more = []) {
  const useCustomConfig = (builder) => [...Object.keys(own), ...more].forEach((id) => builder.addCustomEditor(
    property(id, data.identityOverrideProcessor, own[id]),
  ));
  scenes.sceneUtils.registerRuntimePanelPlugin({
    pluginId, plugin: new data.PanelPlugin(component).useFieldConfig({ useCustomConfig }),
  });
}

register('stat', Stat);
register('bargauge', Bars);
register('timeseries', Lines, {
  drawStyle: 'line', lineWidth: 1, pointSize: 5, fillOpacity: 0, gradientMode: 'none', axisPlacement: 'auto', axisColorMode: 'text',
  hideFrom: { tooltip: false, viz: false, legend: false }, scaleDistribution: { type: 'linear' }, stacking: { mode: 'none', group: 'A' },
}, ['lineInterpolation', 'showPoints', 'spanNulls', 'fillBelowTo', 'lineStyle', 'axisSoftMin', 'axisSoftMax']);
register('table', Cells, { align: 'auto', cellOptions: { type: 'auto' }, filterable: false, minWidth: 50 }, ['width', 'hidden']);

// -------------------------------------------------------------------------------------------------- classic JSON → scene

function variable({ name, label, hide, type, query, multi, includeAll, allValue, sort, refresh, current, datasource }) {
  if (type === 'datasource') {
    return new scenes.DataSourceVariable({ name, label, hide, pluginId: query });
  }
  if (type === 'constant') {
    return new scenes.ConstantVariable({ name, label, hide, value: query });
  }
  return new scenes.QueryVariable({
    name, label, hide, datasource, query, isMulti: multi, includeAll, allValue, sort, refresh, value: current.value, text: current.text,
  });
}

function body({ title, description, type, options, fieldConfig, targets, transformations }) {
  const queryRunner = new scenes.SceneQueryRunner({ queries: targets, datasource: { type: 'prometheus', uid: 'prometheus' } });
  const $data = transformations ? new scenes.SceneDataTransformer({ $data: queryRunner, transformations }) : queryRunner;
  return new scenes.VizPanel({ title, description, pluginId: type, options, fieldConfig, $data });
}

function grid(panels) {
  const before = [];
  const headings = [];
  for (const { gridPos: { x, y, w, h }, ...panel } of panels) {
    if (panel.type === 'row') {
      headings.push({ y, title: panel.title, children: [] });
    } else {
      const item = new scenes.SceneGridItem({ x, y, width: w, height: h, body: body(panel) });
      (headings.at(-1)?.children ?? before).push(item);
    }
  }
  return [...before, ...headings.map((heading) => new scenes.SceneGridRow(heading))];
}

async function main() {
  // Text is measured before it is drawn.
  await Promise.all(['400 14px Inter', '500 14px Inter'].map((font) => document.fonts.load(font)));
  await i18n.initPluginTranslations('grafana-scenes', [scenes.loadResources]);
  const { panels, templating, time } = window.DASHBOARD;
  window.scene = new scenes.EmbeddedScene({
    $timeRange: new scenes.SceneTimeRange(time),
    $variables: new scenes.SceneVariableSet({ variables: templating.list.map(variable) }),
    controls: [new scenes.VariableValueSelectors({})],
    body: new scenes.SceneGridLayout({ children: grid(panels), isDraggable: false, isResizable: false }),
  });
  const drawn = element(window.scene.Component, { model: window.scene });
  const located = element(runtime.LocationServiceProvider, { service: runtime.locationService }, element(ui.GlobalStyles), drawn);
  const themed = element(data.ThemeContext.Provider, { value: theme }, located);
  createRoot(document.getElementById('root')).render(element(MemoryRouter, null, themed));
}

main();
