package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const (
	crdPath   = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	addonPath = "/apis/k3s.cattle.io/v1/namespaces/kube-system/addons"
	eventPath = "/api/v1/namespaces/kube-system/events"
	addonCRD  = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"addons.k3s.cattle.io"},
"spec":{"group":"k3s.cattle.io","scope":"Namespaced","names":{"kind":"Addon","plural":"addons","singular":"addon"},
"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{
"spec":{"type":"object","properties":{"source":{"type":"string","nullable":true},"checksum":{"type":"string","nullable":true}}},
"status":{"type":"object","properties":{"gvks":{"type":"array","nullable":true,"items":{"type":"object","properties":{
"Group":{"type":"string"},"Version":{"type":"string"},"Kind":{"type":"string"}},"x-kubernetes-preserve-unknown-fields":true}}}}}}}}]}}`
)

type object = map[string]any

// addonRecords writes down, as k3s does, what became of each manifest: an Addon and events about it. It has a queue, so
// that no manifest is applied later for it.
type addonRecords struct {
	queue chan func(rest.Interface)
}

func newAddonRecords(kubeconfig string) *addonRecords {
	cs, err := clientFor(kubeconfig)
	must(err)
	r, a := cs.Discovery().RESTClient(), &addonRecords{queue: make(chan func(rest.Interface), 1000)}
	go func() {
		for {
			_, err := send(r.Post().AbsPath(crdPath).SetHeader("Content-Type", "application/json"), []byte(addonCRD))
			if err == nil || apierrors.IsAlreadyExists(err) {
				if _, err = send(r.Get().AbsPath(addonPath), nil); err == nil {
					break
				}
			}
			time.Sleep(200 * time.Millisecond)
		}
		for record := range a.queue {
			record(r)
		}
	}()
	return a
}

func send(q *rest.Request, body []byte) (object, error) {
	if body != nil {
		q = q.Body(body)
	}
	b, err := q.SetHeader("Accept", "application/json").DoRaw(context.Background())
	if err != nil {
		return nil, err
	}
	o := object{}
	return o, json.Unmarshal(b, &o)
}

func post(r rest.Interface, path string, o object) (object, error) {
	b, _ := json.Marshal(o)
	return send(r.Post().AbsPath(path).SetHeader("Content-Type", "application/json"), b)
}

func patch(r rest.Interface, path string, o object) (object, error) {
	b, _ := json.Marshal(o)
	return send(r.Patch(types.MergePatchType).AbsPath(path), b)
}

// told writes an event about the Addon of a file, and with a checksum that all of it was applied.
func (a *addonRecords) told(path, kind, reason, message, checksum string, kinds []object) {
	at := time.Now().UTC().Format(time.RFC3339)
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	a.queue <- func(r rest.Interface) {
		addon, err := send(r.Get().AbsPath(addonPath, name), nil)
		if apierrors.IsNotFound(err) {
			addon, err = post(r, addonPath, object{"apiVersion": "k3s.cattle.io/v1", "kind": "Addon",
				"metadata": object{"name": name, "namespace": "kube-system"}, "spec": object{"source": path, "checksum": ""}})
		}
		if err != nil {
			errlog("Failed to write addon %s: %v", name, err)
			return
		}
		meta, _ := addon["metadata"].(object)
		// One event for what is told again and again, as the recorder of events does it.
		event := fmt.Sprintf("%s.%.16s", name, sha256hex([]byte(reason+message)))
		known, err := send(r.Get().AbsPath(eventPath, event), nil)
		if err == nil {
			count, _ := known["count"].(float64)
			_, err = patch(r, eventPath+"/"+event, object{"count": int(count) + 1, "lastTimestamp": at})
		} else if apierrors.IsNotFound(err) {
			_, err = post(r, eventPath, object{"apiVersion": "v1", "kind": "Event", "metadata": object{"name": event, "namespace": "kube-system"},
				"involvedObject": object{"apiVersion": "k3s.cattle.io/v1", "kind": "Addon", "name": name, "namespace": "kube-system", "uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
				"type":           kind, "reason": reason, "message": message, "count": 1, "firstTimestamp": at, "lastTimestamp": at, "source": object{"component": "deploy"}})
		}
		if err != nil {
			errlog("Failed to write event of addon %s: %v", name, err)
		}
		if checksum != "" {
			if _, err := patch(r, addonPath+"/"+name, object{"spec": object{"source": path, "checksum": checksum}, "status": object{"gvks": kinds}}); err != nil {
				errlog("Failed to write addon %s: %v", name, err)
			}
		}
	}
}

// kindsOf reads the objects of a manifest as far as their kinds.
func kindsOf(b []byte) ([]object, error) {
	var kinds []object
	for _, doc := range bytes.Split(append([]byte("\n"), b...), []byte("\n---")) {
		o := object{}
		if err := yaml.Unmarshal(doc, &o); err != nil {
			return nil, fmt.Errorf("error converting YAML to JSON: %w", err)
		}
		if len(o) == 0 {
			continue
		}
		version, _ := o["apiVersion"].(string)
		kind, _ := o["kind"].(string)
		if kind == "" {
			return nil, fmt.Errorf("Object 'Kind' is missing in '%s'", bytes.TrimSpace(doc))
		}
		group := ""
		if g, v, ok := strings.Cut(version, "/"); ok {
			group, version = g, v
		}
		kinds = append(kinds, object{"Group": group, "Version": version, "Kind": kind})
	}
	return kinds, nil
}
