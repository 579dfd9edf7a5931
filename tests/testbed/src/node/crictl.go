package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// crictlMain: the few crictl commands a tester needs (images, ps, pods, version, info, rmi, pull).
func crictlMain(args []string) int {
	conn, err := grpc.NewClient("unix://"+containerdSock, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	rt, im := cri.NewRuntimeServiceClient(conn), cri.NewImageServiceClient(conn)
	ctx := withTimeout(60 * time.Second)
	cmd, all, asJSON, rest := "", false, false, []string{}
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-a" || a == "--all":
			all = true
		case a == "-o" || a == "--output":
			i++
			asJSON = i < len(args) && args[i] == "json"
		case a == "-o=json" || a == "--output=json":
			asJSON = true
		case cmd == "":
			cmd = a
		default:
			rest = append(rest, a)
		}
	}
	tw := tabwriter.NewWriter(os.Stdout, 0, 8, 3, ' ', 0)
	defer tw.Flush()
	dump := func(v any) int { b, _ := json.MarshalIndent(v, "", "  "); fmt.Println(string(b)); return 0 }
	fail := func(err error) int { fmt.Fprintln(os.Stderr, "FATA", err); return 1 }
	switch cmd {
	case "images", "image", "img":
		r, err := im.ListImages(ctx, &cri.ListImagesRequest{})
		if err != nil {
			return fail(err)
		}
		if asJSON {
			return dump(r)
		}
		fmt.Fprintln(tw, "IMAGE\tTAG\tIMAGE ID\tSIZE")
		for _, i := range r.Images {
			for _, t := range i.RepoTags {
				k := strings.LastIndexByte(t, ':')
				fmt.Fprintf(tw, "%s\t%s\t%s\t%.1fMB\n", t[:k], t[k+1:], strings.TrimPrefix(i.Id, "sha256:")[:13], float64(i.Size)/1e6)
			}
		}
	case "ps":
		f := &cri.ContainerFilter{}
		if !all {
			f.State = &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
		}
		r, err := rt.ListContainers(ctx, &cri.ListContainersRequest{Filter: f})
		if err != nil {
			return fail(err)
		}
		if asJSON {
			return dump(r)
		}
		fmt.Fprintln(tw, "CONTAINER\tIMAGE\tCREATED\tSTATE\tNAME\tATTEMPT\tPOD ID\tPOD")
		for _, c := range r.Containers {
			fmt.Fprintf(tw, "%.13s\t%.20s\t%s ago\t%s\t%s\t%d\t%.13s\t%s\n", c.Id, c.Image.Image, time.Since(time.Unix(0, c.CreatedAt)).Round(time.Second), strings.TrimPrefix(c.State.String(), "CONTAINER_"), c.Metadata.Name, c.Metadata.Attempt, c.PodSandboxId, c.Labels["io.kubernetes.pod.name"])
		}
	case "pods":
		r, err := rt.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		if err != nil {
			return fail(err)
		}
		if asJSON {
			return dump(r)
		}
		fmt.Fprintln(tw, "POD ID\tCREATED\tSTATE\tNAME\tNAMESPACE")
		for _, s := range r.Items {
			fmt.Fprintf(tw, "%.13s\t%s ago\t%s\t%s\t%s\n", s.Id, time.Since(time.Unix(0, s.CreatedAt)).Round(time.Second), strings.TrimPrefix(s.State.String(), "SANDBOX_"), s.Metadata.Name, s.Metadata.Namespace)
		}
	case "pull":
		for _, i := range rest {
			if _, err := im.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: i}}); err != nil {
				return fail(err)
			}
			fmt.Println("Image is up to date for", i)
		}
	case "rmi":
		for _, i := range rest {
			if _, err := im.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: i}}); err != nil {
				return fail(err)
			}
			fmt.Println("Deleted:", i)
		}
	case "version":
		r, err := rt.Version(ctx, &cri.VersionRequest{})
		if err != nil {
			return fail(err)
		}
		fmt.Printf("Version:  %s\nRuntimeName:  %s\nRuntimeVersion:  %s\nRuntimeApiVersion:  %s\n", r.Version, r.RuntimeName, r.RuntimeVersion, r.RuntimeApiVersion)
	case "info":
		r, err := rt.Status(ctx, &cri.StatusRequest{})
		if err != nil {
			return fail(err)
		}
		return dump(r.Status)
	default:
		fmt.Fprintln(os.Stderr, "crictl (stand-in): images, ps [-a], pods, pull, rmi, version, info; -o json")
		return 1
	}
	return 0
}

func tokenMain(args []string) int {
	if len(args) > 0 && args[0] == "list" {
		fmt.Println("TOKEN   TTL   EXPIRES   USAGES   DESCRIPTION")
		return 0
	}
	fmt.Fprintln(os.Stderr, "token: only 'list' is offered by the stand-in")
	return 1
}
